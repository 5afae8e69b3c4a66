package import Accounts
package import Addresses
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// Accounts, aliases and lists of a domain as CSV.
///
/// Invariants: those of `DomainRoutes`; no password and no token is in any answer; an import that is refused has changed
/// nothing.
package struct BulkRoutes: Sendable {
    private static let importPath = "/api/domains/{name}/import"
    private static let exportPath = "/api/domains/{name}/export"
    static let media = "text/csv; charset=utf-8"
    /// Rows that a refusal names; the rest is counted.
    private static let shownFaults = 100

    private let bulk: BulkService
    private let gate: DomainGate
    private let tokens: TokenService
    private let clock: any WallClock

    package init(bulk: BulkService, gate: DomainGate, tokens: TokenService, clock: any WallClock) {
        self.bulk = bulk
        self.gate = gate
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.post(Self.importPath, guarded { try await self.take($0, $1) })
        set.get(Self.exportPath, guarded { try await self.give($0, $1) })
        describe(&set)
        return set
    }

    private func domain(_ request: APIRequest, _ caller: Account, _ kind: BulkKind) async throws -> HostedDomain {
        let needed: DomainPermissions =
            switch kind {
            case .accounts: .users
            case .aliases, .lists, .masked: .manage
            }
        return try await gate.domain(request, caller, needed)
    }

    private static func kind(_ request: APIRequest, of kinds: [BulkKind]) throws(Problem) -> BulkKind {
        guard let kind = request.query("kind").flatMap({ BulkKind(rawValue: $0) }), kinds.contains(kind) else {
            let words = kinds.map(\.rawValue).joined(separator: ", ")
            throw Problem(.badRequest, detail: "The query's kind takes \(words).")
        }
        return kind
    }

    private static func truth(_ request: APIRequest, _ name: String) throws(Problem) -> Bool {
        switch request.query(name) {
        case nil, "false": false
        case "true": true
        default: throw Problem(.badRequest, detail: "The query's \(name) takes true or false.")
        }
    }

    // MARK: - Import

    private struct Report: Encodable {
        var dryRun: Bool
        var created: Int
        var changed: Int
        var unchanged: Int
        var refused: Int
        var rows: [BulkRowDocument]
    }

    private func take(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let kind = try Self.kind(request, of: [.accounts, .aliases, .lists])
        let domain = try await domain(request, caller, kind)
        let isTrial = try Self.truth(request, "dry_run")
        let isPartial = try Self.truth(request, "partial")
        let media = EmailAddress.lowercased(request.header("Content-Type") ?? "")
        guard media.utf8.starts(with: "text/csv".utf8) else { throw Problem(415, detail: "The body must be text/csv.") }
        let actor = BulkActor(
            caller.primaryAddress.canonical,
            role: caller.role,
            account: caller.id,
            remote: request.remote
        )
        let report = try await bulk.run(
            try await request.body(),
            of: kind,
            into: domain,
            mode: isTrial ? .trial : isPartial ? .partial : .whole,
            by: actor
        )
        guard isTrial || report.isApplied else { throw Self.refusal(report) }
        return try .json(
            Report(
                dryRun: isTrial,
                created: report.count(.created),
                changed: report.count(.changed),
                unchanged: report.count(.unchanged),
                refused: report.refused.count,
                rows: report.lines.map { BulkRowDocument($0) }
            )
        )
    }

    private static func refusal(_ report: BulkReport) -> Problem {
        let refused = report.refused
        return Problem(
            422,
            detail: "\(refused.count) of \(report.lines.count) rows are refused; nothing was changed.",
            fields: refused.prefix(shownFaults).map { line in
                guard case .refused(let column, let why) = line.outcome else {
                    return Problem.Field(pointer: "#/\(line.line)", detail: "")
                }
                let place = column.map { "\(line.line)/\($0)" } ?? "\(line.line)"
                return Problem.Field(pointer: "#/\(place)", detail: ManagerProblem.sentence(why))
            }
        )
    }

    // MARK: - Export

    private func give(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let kind = try Self.kind(request, of: BulkKind.allCases)
        let domain = try await domain(request, caller, kind)
        let limit = try request.query("limit", default: bulk.limits.rows, in: 1...bulk.limits.rows)
        let after = request.query("after").map { EmailAddress.lowercased($0) }
        if let after, after.utf8.count > 400 || after.utf8.contains(0) {
            throw Problem(.badRequest, detail: "The query's after takes what an answer's Link has.")
        }
        let page = try await bulk.export(kind, of: domain.name, after: after, limit: limit)
        let answer = APIResponse(
            status: 200,
            contentType: Self.media,
            body: page.bytes,
            headers: ["Content-Disposition": "attachment; filename=\"\(kind.rawValue).csv\""]
        )
        return request.linked(answer, next: page.next)
    }

    // MARK: - Descriptions

    private func describe(_ set: inout RouteSet) {
        let kinds = BulkKind.allCases.map(\.rawValue)
        let row = Schema.document(
            "ImportedRow",
            [
                "line": .integer, "address": .text, "outcome": .choice(["created", "changed", "unchanged", "refused"]),
                "column": .optional(.text), "reason": .optional(.text), "invited": .optional(.truth),
            ]
        )
        set.describe(
            "POST",
            Self.importPath,
            RouteDescription(
                "Accounts, aliases or lists from CSV: what is new is made, what is there is changed; all rows or none, unless partial",
                query: ["kind", "dry_run", "partial"],
                answers: [
                    200: "What became of each row, or with dry_run would", 413: "The body is larger than is taken",
                    415: "The body is not text/csv",
                    422:
                        "The table cannot be read, or rows are refused: errors name line and column; nothing was changed",
                    429: "Too many invitations today",
                ],
                types: ["kind": .choice(["accounts", "aliases", "lists"]), "dry_run": .truth, "partial": .truth],
                schemas: [
                    200: .object([
                        "dry_run": .truth, "created": .integer, "changed": .integer, "unchanged": .integer,
                        "refused": .integer, "rows": .list(row),
                    ])
                ]
            )
        )
        var export = RouteDescription(
            "A page of a domain's accounts, aliases, lists or masked addresses as CSV; Link leads to the next",
            query: ["kind", "limit", "after"],
            answers: [200: "CSV with a header"],
            types: ["kind": .choice(kinds), "limit": .boundedInteger(1...bulk.limits.rows)]
        )
        export.media = [200: Self.media]
        set.describe("GET", Self.exportPath, export)
    }
}
