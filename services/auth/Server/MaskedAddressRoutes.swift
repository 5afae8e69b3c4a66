package import Accounts
package import Addresses
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// `/api/users/me/masked-addresses`: random addresses that one gives out instead of one's own.
///
/// Invariant: a caller reaches their own only.
package struct MaskedAddressRoutes: Sendable {
    private static let path = "/api/users/me/masked-addresses"

    private let addresses: AddressService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(addresses: AddressService, tokens: TokenService, clock: any WallClock) {
        self.addresses = addresses
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        let one = Self.path + "/{address}"
        set.get(Self.path, whileActing: true, guarded { try await self.list($0, $1) })
        set.post(Self.path, whileActing: true, guarded { try await self.add($0, $1) })
        set.get(one, whileActing: true, guarded { try await self.show($0, $1) })
        set.patch(one, whileActing: true, guarded { try await self.change($0, $1) })
        set.delete(one, whileActing: true, guarded { try await self.remove($0, $1) })
        describe(&set)
        return set
    }

    private func describe(_ set: inout RouteSet) {
        let one = Self.path + "/{address}"
        set.describe(
            "GET",
            Self.path,
            RouteDescription(
                "One's masked addresses",
                query: ["limit", "after", "sort", "is_enabled", "site", "text"],
                answers: [200: "A page"],
                types: ["sort": .sort(MaskedListing.Sort.self), "is_enabled": .truth],
                schemas: [200: .page("masked_addresses", of: MaskedAddressDocument.schema)]
            )
        )
        set.describe(
            "POST",
            Self.path,
            RouteDescription(
                "Make a random address whose mail comes to oneself",
                body: NewAddress.members,
                answers: [201: "The address", 409: "There are as many as may be"]
            )
        )
        set.describe(
            "GET",
            one,
            RouteDescription(
                "One masked address",
                answers: [200: "It", 404: "No such address"],
                schemas: [200: MaskedAddressDocument.schema]
            )
        )
        set.describe(
            "PATCH",
            one,
            RouteDescription(
                "Name it otherwise, or have its mail refused or taken again",
                body: Change.members,
                answers: [200: "The address", 404: "No such address"]
            )
        )
        set.describe(
            "DELETE",
            one,
            RouteDescription("Forget it for good", answers: [204: "Gone", 404: "No such address"])
        )
    }

    private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(MaskedListing.Sort.self, filters: ["is_enabled", "site", "text"])
        var listing = MaskedListing(account: caller.id, limit: query.limit)
        (listing.site, listing.text) = (query.filters["site"], query.filters["text"])
        listing.isEnabled = try query.truth("is_enabled")
        let found = try await addresses.store.maskedAddresses(try query.applied(to: listing))
        return try request.answer("masked_addresses", found, query) { MaskedAddressDocument($0) }
    }

    private struct NewAddress: RequestDocument {
        static let members: Set<String> = ["label", "site", "domain"]
        var label: String?
        var site: String?
        /// Absent: that of one's own address.
        var domain: String?
    }

    private func add(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let new = try await request.decode(NewAddress.self)
        let made = try await addresses.addMasked(
            for: caller,
            domain: new.domain,
            label: new.label ?? "",
            site: new.site ?? "",
            by: actor(request, caller)
        )
        return try .json(
            MaskedAddressDocument(made),
            status: 201,
            headers: ["Location": "\(Self.path)/\(made.address)"]
        )
    }

    private func masked(_ request: APIRequest, _ caller: Account) async throws -> MaskedAddress {
        guard let address = EmailAddress(request.parameter("address")) else { throw Problem.notFound() }
        return try await addresses.masked(address, of: caller)
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try .json(MaskedAddressDocument(try await masked(request, caller)))
    }

    private struct Change: RequestDocument {
        static let members: Set<String> = ["label", "site", "is_enabled"]
        var label: String?
        var site: String?
        var isEnabled: Bool?

        private enum CodingKeys: String, CodingKey {
            case label, site
            case isEnabled = "is_enabled"
        }
    }

    private func change(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        var masked = try await masked(request, caller)
        let change = try await request.decode(Change.self)
        masked.label = change.label ?? masked.label
        masked.site = change.site ?? masked.site
        masked.isEnabled = change.isEnabled ?? masked.isEnabled
        try await addresses.changeMasked(masked, of: caller, by: actor(request, caller))
        return try .json(MaskedAddressDocument(masked))
    }

    private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let masked = try await masked(request, caller)
        try await addresses.removeMasked(masked.address, of: caller, by: actor(request, caller))
        return .noContent
    }

    private func actor(_ request: APIRequest, _ caller: Account) -> AddressActor {
        AddressActor(caller.primaryAddress.canonical, remote: request.remote)
    }
}
