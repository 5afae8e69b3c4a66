package import Accounts
package import HTTPKit
import MailModel
import MailPorts
import ServiceHost

/// Sending with others' addresses: grants that one gives and holds, and those of an organisation for its managers.
///
/// Invariants: what is of another organisation is not found; whoever holds a grant may give it up.
package struct GrantRoutes: Sendable {
    private let grants: SendingGrants
    private let auth: AuthRoutes

    package init(grants: SendingGrants, auth: AuthRoutes) {
        self.grants = grants
        self.auth = auth
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let signedIn = BearerGuard.tokens(auth.tokens, auth.clock)
        set.get("/api/users/me/sending-grants", whileActing: true, signedIn(listOwn))
        set.post("/api/users/me/sending-grants", signedIn(giveOwn))
        set.delete("/api/users/me/sending-grants/{id}", signedIn(revokeOwn))
        set.get("/api/sending-grants", signedIn(list))
        set.post("/api/sending-grants", signedIn(give))
        set.delete("/api/sending-grants/{id}", signedIn(revoke))
        Self.describe(&set)
        return set
    }

    private static func describe(_ set: inout RouteSet) {
        let grant = Schema.document(
            "SendingGrant",
            [
                "id": .integer, "kind": .text, "address": .text, "grantee": .text, "created_at": .time,
                "created_by": .text,
            ]
        )
        let kind = Schema.choice(SendingGrantKind.allCases.map(\.rawValue))
        for (path, whose, more) in [
            ("/api/users/me/sending-grants", "one gives or holds", ["direction"]),
            ("/api/sending-grants", "there are in the organisation", []),
        ] {
            set.describe(
                "GET",
                path,
                RouteDescription(
                    "Grants to send with another's address that \(whose)",
                    query: ["limit", "after", "sort", "kind", "address", "grantee", "text"]
                        + (more.isEmpty ? ["organisation_id"] : more),
                    answers: [200: "A page"],
                    types: [
                        "sort": .sort(GrantListing.Sort.self), "kind": kind, "direction": .choice(directions),
                    ],
                    schemas: [200: .page("sending_grants", of: grant)]
                )
            )
            set.describe(
                "POST",
                path,
                RouteDescription(
                    "Let another account of the organisation send with an address",
                    body: ["kind", "address", "to"],
                    answers: [201: "The grant", 409: "It is there already", 422: "Not of the organisation"],
                    types: ["kind": kind, "to": .text],
                    required: more.isEmpty ? ["kind", "address", "to"] : ["kind", "to"],
                    schemas: [201: grant]
                )
            )
            set.describe(
                "DELETE",
                "\(path)/{id}",
                RouteDescription("End a grant", answers: [204: "It is over", 404: "There is none"])
            )
        }
    }

    // MARK: - Documents

    private static let directions = ["given", "held"]

    private func page(
        _ request: APIRequest,
        filter: String,
        _ subject: (ListQuery) throws -> SendingGrantSubject
    ) async throws -> APIResponse {
        let query = try request.list(
            GrantListing.Sort.self,
            filters: ["kind", "address", "grantee", "text", filter]
        )
        var listing = GrantListing(try subject(query), limit: query.limit)
        listing.kind = try query.choice("kind")
        (listing.address, listing.grantee) = (query.name("address"), query.name("grantee"))
        listing.text = query.filters["text"]
        let found = try await grants.list(try query.applied(to: listing))
        return try request.answer("sending_grants", found, query) { SendingGrantDocument($0) }
    }

    private struct NewGrant: RequestDocument {
        static let members: Set<String> = ["kind", "address", "to"]
        var kind: String
        var address: String?
        var to: String
    }

    private struct Wanted {
        var kind: SendingGrantKind
        var address: EmailAddress?
        var to: EmailAddress
    }

    private func read(_ request: APIRequest) async throws -> Wanted {
        let given = try await request.decode(NewGrant.self)
        guard let kind = SendingGrantKind(rawValue: given.kind) else {
            throw Problem.invalid("kind", "A grant is send-as or send-on-behalf.")
        }
        func address(_ name: String, _ text: String) throws(Problem) -> EmailAddress {
            guard let address = EmailAddress(text) else {
                throw Problem.invalid(name, "This is no address.")
            }
            return address
        }
        return Wanted(
            kind: kind,
            address: try given.address.map { text throws(Problem) in try address("address", text) },
            to: try address("to", given.to)
        )
    }

    private func made(_ grant: SendingGrant, _ path: String) throws -> APIResponse {
        try .json(SendingGrantDocument(grant), status: 201, headers: ["Location": "\(path)/\(grant.id)"])
    }

    private func id(_ request: APIRequest) throws(Problem) -> SendingGrantID {
        let id = try request.number()
        return SendingGrantID(id)
    }

    // MARK: - One's own

    @Sendable private func listOwn(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await page(request, filter: "direction") { query in
            let isHeld = try query.choice("direction", of: Self.directions) == Self.directions[1]
            return isHeld ? .heldBy(caller.id) : .givenBy(caller.id)
        }
    }

    @Sendable private func giveOwn(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let wanted = try await read(request)
        let grant = try await grants.give(
            wanted.kind,
            of: wanted.address ?? caller.primaryAddress,
            owner: caller,
            to: wanted.to,
            caller.primaryAddress.canonical,
            request.remote,
            auth.clock.now()
        )
        return try made(grant, "/api/users/me/sending-grants")
    }

    @Sendable private func revokeOwn(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let id = try id(request)
        var listing = GrantListing(.givenBy(caller.id), limit: 1)
        listing.id = id
        let given = try await !grants.list(listing).isEmpty
        try await grants.revoke(
            id,
            given ? .givenBy(caller.id) : .heldBy(caller.id),
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: auth.clock.now()
        )
        return .noContent
    }

    // MARK: - Of an organisation

    /// nil: every organisation.
    private func scope(_ caller: Account) throws(Problem) -> OrganisationID? {
        guard caller.role != .member else { throw .forbidden() }
        return caller.role == .platformAdmin ? nil : caller.organisation
    }

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let scope = try scope(caller)
        return try await page(request, filter: "organisation_id") { query in
            let asked = try query.number("organisation_id").map { OrganisationID($0) }
            return .within(scope ?? asked)
        }
    }

    @Sendable private func give(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let scope = try scope(caller)
        let wanted = try await read(request)
        guard let address = wanted.address else { throw Problem.invalid("address", "This member is missing.") }
        let grant = try await grants.give(
            wanted.kind,
            of: address,
            to: wanted.to,
            within: scope,
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: auth.clock.now()
        )
        return try made(grant, "/api/sending-grants")
    }

    @Sendable private func revoke(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await grants.revoke(
            try id(request),
            .within(try scope(caller)),
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: auth.clock.now()
        )
        return .noContent
    }
}
