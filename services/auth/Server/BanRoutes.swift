import Accounts
package import ClientConduct
package import HTTPKit
import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// Banned networks and exemptions, for the platform's operators.
package struct BanRoutes: Sendable {
    static let path = "/api/bans"

    private let bans: BanService
    private let auth: AuthRoutes

    package init(bans: BanService, auth: AuthRoutes) {
        self.bans = bans
        self.auth = auth
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let signedIn = BearerGuard.tokens(auth.tokens, auth.clock)
        set.get(Self.path, signedIn(list))
        set.post(Self.path, signedIn(add))
        set.get("\(Self.path)/{id}", signedIn(show))
        set.delete("\(Self.path)/{id}", signedIn(lift))
        Self.describe(&set)
        return set
    }

    // MARK: - Documents

    private struct New: RequestDocument {
        static let members: Set<String> = ["network", "kind", "reason", "seconds"]
        var network: String
        var kind: String?
        var reason: String
        var seconds: Int64?
    }

    /// Ten years.
    private static let longestSeconds = 315_360_000

    // MARK: - Routes

    private func requireOperator(_ caller: Account) throws(Problem) {
        guard caller.role == .platformAdmin else { throw .forbidden() }
    }

    private func actor(_ request: APIRequest, _ caller: Account) -> BanService.Actor {
        BanService.Actor(caller.primaryAddress.canonical, remote: request.remote)
    }

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try requireOperator(caller)
        let query = try request.list(
            BanListing.Sort.self,
            order: "-since",
            filters: ["kind", "state", "is_automatic", "address", "text"]
        )
        let now = auth.clock.now()
        var listing = BanListing(now: now, limit: query.limit)
        listing.kind = try query.choice("kind")
        listing.state = try query.choice("state")
        listing.isAutomatic = try query.truth("is_automatic")
        listing.text = query.filters["text"]
        if let text = query.filters["address"] {
            guard let address = IPAddress(text) else {
                throw Problem(.badRequest, detail: "The query's address takes an IP address.")
            }
            listing.covering = address
        }
        let found = try await bans.store.bans(try query.applied(to: listing))
        return try request.answer("bans", found, query) { BanDocument($0, at: now) }
    }

    @Sendable private func add(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try requireOperator(caller)
        let given = try await request.decode(New.self)
        guard let kind = Ban.Kind(rawValue: given.kind ?? Ban.Kind.ban.rawValue) else {
            throw Problem.invalid("kind", "It is a ban or an exemption.")
        }
        guard let network = IPNetwork(given.network) else {
            throw Problem.invalid("network", "Give an IP address or a network such as 192.0.2.0/24.")
        }
        guard (1...Int64(Self.longestSeconds)).contains(given.seconds ?? 1) else {
            throw Problem.invalid("seconds", "Give 1 to \(Self.longestSeconds), or nothing for no end.")
        }
        if let objection = BanService.objection(toReason: given.reason) { throw Problem.invalid("reason", objection) }
        if let objection = bans.objection(to: network, as: kind) { throw Problem.invalid("network", objection) }
        let now = auth.clock.now()
        let made = try await bans.put(
            kind,
            of: network,
            reason: given.reason,
            until: given.seconds.map { now.adding(seconds: $0) },
            by: actor(request, caller),
            now: now
        )
        return try .json(BanDocument(made, at: now), status: 201, headers: ["Location": "\(Self.path)/\(made.id)"])
    }

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try requireOperator(caller)
        guard let ban = try await bans.store.ban(BanID(try request.number())) else { throw Problem.notFound() }
        return try .json(BanDocument(ban, at: auth.clock.now()))
    }

    @Sendable private func lift(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try requireOperator(caller)
        let id = BanID(try request.number())
        _ = try await bans.lift(id, by: actor(request, caller), now: auth.clock.now())
        return .noContent
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        let ban = Schema.document(
            "Ban",
            [
                "id": .integer, "network": .text, "kind": .words(Ban.Kind.self), "state": .words(Ban.State.self),
                "is_automatic": .truth, "reason": .text, "since": .time, "until": .optional(.time), "times": .integer,
                "made_by": .text,
            ]
        )
        let role = "The caller is no operator of the platform"
        set.describe(
            "GET",
            path,
            RouteDescription(
                "Networks that are banned or exempt, in force or remembered",
                query: ["limit", "after", "sort", "kind", "state", "is_automatic", "address", "text"],
                answers: [200: "A page", 403: role],
                types: [
                    "sort": .sort(BanListing.Sort.self), "kind": .words(Ban.Kind.self), "state": .words(Ban.State.self),
                    "is_automatic": .choice(["true", "false"]),
                ],
                schemas: [200: .page("bans", of: ban)]
            )
        )
        set.describe(
            "POST",
            path,
            RouteDescription(
                "Ban or exempt a network, in place of what it has; without seconds until somebody lifts it",
                body: ["network", "kind", "reason", "seconds"],
                answers: [201: "In force everywhere within seconds", 403: role],
                types: [
                    "kind": .words(Ban.Kind.self), "seconds": .boundedInteger(1...longestSeconds),
                ],
                required: ["network", "reason"],
                schemas: [201: ban]
            )
        )
        set.describe(
            "GET",
            "\(path)/{id}",
            RouteDescription("One of them", answers: [200: "It", 403: role, 404: "There is none"], schemas: [200: ban])
        )
        set.describe(
            "DELETE",
            "\(path)/{id}",
            RouteDescription(
                "End a ban or an exemption; the network begins anew",
                answers: [204: "It is over", 403: role, 404: "It is not in force"]
            )
        )
    }
}
