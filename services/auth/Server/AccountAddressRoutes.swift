package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// `/api/accounts/{id}/addresses`: several addresses of one account, and one's own to read.
package struct AccountAddressRoutes: Sendable {
    private static let path = "/api/accounts/{id}/addresses"

    private let addresses: AccountAddresses
    private let tokens: TokenService
    private let clock: any WallClock

    package init(addresses: AccountAddresses, tokens: TokenService, clock: any WallClock) {
        self.addresses = addresses
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get("/api/users/me/addresses", whileActing: true, guarded(listOwn))
        set.get(Self.path, guarded(list))
        set.post(Self.path, guarded(add))
        set.post(Self.path + "/{address}/make-primary", guarded(makePrimary))
        set.delete(Self.path + "/{address}", guarded(remove))
        Self.describe(&set)
        return set
    }

    private struct Document: Encodable {
        static let schema = Schema.document("AccountAddress", ["email": .text, "is_primary": .truth])
        var email: String
        var isPrimary: Bool
        init(_ known: AccountAddress) { (email, isPrimary) = (known.address.description, known.isPrimary) }
    }

    private struct Documents: Encodable {
        var addresses: [Document]
        var next: String?
    }

    private static func answer(_ request: APIRequest, _ known: [AccountAddress]) throws -> APIResponse {
        let query = try request.list(sorts: ["email"], filters: ["text"])
        let page = try query.page(
            of: known.map { Document($0) }.filter { query.finds(in: $0.email) },
            keys: ["email": { EmailAddress.lowercased($0.email) }],
            id: { $0.email }
        )
        return request.linked(try .json(Documents(addresses: page.items, next: page.next)), next: page.next)
    }

    private static func account(_ request: APIRequest) throws(Problem) -> AccountID {
        AccountID(try request.number())
    }

    @Sendable private func listOwn(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try Self.answer(request, try await addresses.own(caller))
    }

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = PeopleActor(caller, remote: request.remote)
        return try Self.answer(request, try await addresses.list(of: try Self.account(request), for: actor))
    }

    private struct New: RequestDocument {
        static let members: Set<String> = ["email"]
        var email: String
    }

    @Sendable private func add(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let made = try await addresses.add(
            try await request.decode(New.self).email,
            to: try Self.account(request),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(Document(made), status: 201)
    }

    @Sendable private func makePrimary(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let known = try await addresses.makePrimary(
            request.parameter("address"),
            of: try Self.account(request),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(Document(known[0]))
    }

    @Sendable private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await addresses.remove(
            request.parameter("address"),
            of: try Self.account(request),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return .noContent
    }

    private static func describe(_ set: inout RouteSet) {
        let (role, foreign) = ("The caller's role does not allow it", "There is none that the caller may see")
        let page = Schema.page("addresses", of: Document.schema)
        set.describe(
            "GET",
            "/api/users/me/addresses",
            RouteDescription(
                "One's own addresses",
                query: ["limit", "after", "sort", "text"],
                answers: [200: "A page"],
                types: ["sort": .sort("email")],
                schemas: [200: page]
            )
        )
        set.describe(
            "GET",
            path,
            RouteDescription(
                "Addresses of an account",
                query: ["limit", "after", "sort", "text"],
                answers: [200: "A page", 403: role, 404: foreign],
                types: ["sort": .sort("email")],
                schemas: [200: page]
            )
        )
        set.describe(
            "POST",
            path,
            RouteDescription(
                "Give an account another address, in a verified domain of its organisation",
                body: ["email"],
                answers: [201: "It takes mail and signs in", 403: role, 404: foreign, 409: "In use, or invited"],
                required: ["email"],
                schemas: [201: Document.schema]
            )
        )
        set.describe(
            "POST",
            path + "/{address}/make-primary",
            RouteDescription(
                "Call an account by another of its addresses",
                answers: [
                    200: "The primary one", 403: role, 404: foreign, 409: "It is so already",
                    507: "No room in its domain",
                ],
                schemas: [200: Document.schema]
            )
        )
        set.describe(
            "DELETE",
            path + "/{address}",
            RouteDescription(
                "Take an address away; never the primary one",
                answers: [204: "It is free", 403: role, 404: foreign, 409: "The primary one, or a catch-all's target"]
            )
        )
    }
}
