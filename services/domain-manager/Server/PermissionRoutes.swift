package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// `/api/domains/{name}/permissions`: what people may do with one domain beyond what their roles allow.
///
/// Invariants: those of `DomainGate`; only who manages the organisation gives permissions, whatever permissions they have; people are of
/// the domain's organisation.
package struct PermissionRoutes: Sendable {
    static let path = "/api/domains/{name}/permissions"
    static let one = "/api/domains/{name}/permissions/{account}"

    private let gate: DomainGate
    /// Accounts with permissions on one domain, and domains of one account.
    private let limit: Int
    private let tokens: TokenService
    private let clock: any WallClock

    package init(gate: DomainGate, limit: Int, tokens: TokenService, clock: any WallClock) {
        self.gate = gate
        self.limit = limit
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, guarded { try await self.list($0, $1) })
        set.get(Self.one, guarded { try await self.show($0, $1) })
        set.put(Self.one, guarded { try await self.replace($0, $1) })
        set.delete(Self.one, guarded { try await self.remove($0, $1) })
        Self.describe(&set)
        return set
    }

    // MARK: - Answers

    private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await gate.domain(request, caller, [])
        let query = try request.list(DomainGrantListing.Sort.self, filters: ["permission"])
        var listing = DomainGrantListing(domain: domain.name, limit: query.limit)
        listing.permission = try query.choice("permission", of: Self.words).flatMap { DomainPermissions(words: [$0]) }
        let found = try await gate.permissions.domainGrants(try query.applied(to: listing))
        return try request.answer("permissions", found, query) { DomainGrantDocument($0) }
    }

    private static var words: [String] { DomainPermissions.words.map(\.word) }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await gate.domain(request, caller, [])
        guard let grant = try await grant(of: AccountID(try request.number("account")), on: domain.name) else {
            throw Self.none
        }
        return try .json(DomainGrantDocument(grant))
    }

    private func grant(of account: AccountID, on domain: String) async throws -> DomainGrant? {
        try await gate.permissions.domainGrant(of: account, on: domain)
    }

    private struct Wish: RequestDocument {
        static let members: Set<String> = ["permissions"]
        var permissions: [String]
    }

    private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let wish = try await request.decode(Wish.self)
        guard let wanted = DomainPermissions(words: wish.permissions), !wanted.isEmpty else {
            throw Problem.invalid(
                "permissions",
                "Permissions are \(Self.words.joined(separator: ", ")), and one of them at least."
            )
        }
        let domain = try await gate.domain(request, caller, [])
        let made = try await set(wanted, AccountID(try request.number("account")), domain, request, caller)
        guard let made else { throw Self.none }
        return try .json(DomainGrantDocument(made))
    }

    private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await gate.domain(request, caller, [])
        let account = AccountID(try request.number("account"))
        guard try await grant(of: account, on: domain.name) != nil else { throw Self.none }
        _ = try await set([], account, domain, request, caller)
        return .noContent
    }

    private static let none = Problem.notFound("The account has no permissions on this domain.")

    private func set(
        _ permissions: DomainPermissions,
        _ account: AccountID,
        _ domain: HostedDomain,
        _ request: APIRequest,
        _ caller: Account
    ) async throws -> DomainGrant? {
        do throws(StoreError) {
            return try await gate.permissions.setDomainPermissions(
                permissions,
                of: account,
                on: domain.name,
                atMost: limit,
                audit: AuditEvent("domain.permissions", domain.name, by: caller, request, at: clock.now())
            )
        } catch .notFound {
            throw Problem.notFound("There is no such account in the domain's organisation.")
        } catch .refused(let why) {
            throw Problem(.conflict, detail: ManagerProblem.sentence(why))
        }
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        set.describe(
            "GET",
            path,
            RouteDescription(
                "Who may do what with the domain beyond their roles",
                query: ["limit", "after", "sort", "permission"],
                answers: [200: "A page"],
                types: [
                    "sort": .sort(DomainGrantListing.Sort.self), "permission": .choice(words),
                ],
                schemas: [200: .page("permissions", of: DomainGrantDocument.schema)]
            )
        )
        set.describe(
            "GET",
            one,
            RouteDescription(
                "What one account may do with the domain",
                answers: [200: "Its permissions", 404: "It has none"],
                schemas: [200: DomainGrantDocument.schema]
            )
        )
        set.describe(
            "PUT",
            one,
            RouteDescription(
                "Gives exactly these permissions to an account of the domain's organisation",
                body: Wish.members,
                answers: [
                    200: "Its permissions", 404: "There is no such account in the organisation",
                    409: "There are as many as may be",
                ],
                types: ["permissions": .list(.choice(words))],
                schemas: [200: DomainGrantDocument.schema]
            )
        )
        set.describe(
            "DELETE",
            one,
            RouteDescription("Takes them all away", answers: [204: "Done", 404: "It has none"])
        )
    }
}
