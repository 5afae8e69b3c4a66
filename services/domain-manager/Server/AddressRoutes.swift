package import Accounts
package import Addresses
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// Aliases, and how a domain takes what is not listed.
///
/// Invariants: those of `DomainRoutes`; every change is in the audit, from what to what.
package struct AddressRoutes: Sendable {
    let addresses: AddressService
    let gate: DomainGate
    let tokens: TokenService
    let clock: any WallClock

    package init(
        addresses: AddressService,
        gate: DomainGate,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.addresses = addresses
        self.gate = gate
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get("/api/domains/{name}/aliases", guarded { try await self.list($0, $1) })
        set.post("/api/domains/{name}/aliases", guarded { try await self.add($0, $1) })
        set.get("/api/domains/{name}/aliases/{address}", guarded { try await self.show($0, $1) })
        set.put("/api/domains/{name}/aliases/{address}", guarded { try await self.change($0, $1) })
        set.delete("/api/domains/{name}/aliases/{address}", guarded { try await self.remove($0, $1) })
        addRoutingRoutes(&set, guarded)
        addListRoutes(&set, guarded)
        Self.describe(&set)
        return set
    }

    // MARK: - What is asked for

    /// The domain of the path, for those who manage it.
    func domain(_ request: APIRequest, _ caller: Account) async throws -> HostedDomain {
        try await gate.domain(request, caller, .manage)
    }

    /// The address of the path, which is one of the domain's.
    func address(_ request: APIRequest, in domain: String) throws(Problem) -> EmailAddress {
        guard let address = EmailAddress(request.parameter("address")), address.domain == domain else {
            throw .notFound("There is no such address in this domain.")
        }
        return address
    }

    func actor(_ request: APIRequest, _ caller: Account) -> AddressActor {
        AddressActor(caller.primaryAddress.canonical, remote: request.remote)
    }

    static func parsed(_ texts: [String], _ member: String) throws(Problem) -> [EmailAddress] {
        var found: [EmailAddress] = []
        for (place, text) in texts.enumerated() {
            guard let address = EmailAddress(text) else {
                throw .invalid("\(member)/\(place)", "This is no address.")
            }
            found.append(address)
        }
        return found
    }

    // MARK: - Aliases

    private struct AliasDocument: Encodable {
        var address: String
        var targets: [String]
        init(_ alias: Alias) {
            address = alias.address.description
            targets = alias.targets.map(\.description)
        }
    }

    private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let query = try request.list(AliasListing.Sort.self, filters: ["address", "target", "text"])
        var listing = AliasListing(domain: domain.name, limit: query.limit)
        (listing.prefix, listing.target) = (query.name("address"), query.name("target"))
        listing.text = query.filters["text"]
        let found = try await addresses.store.aliases(try query.applied(to: listing))
        return try request.answer("aliases", found, query) { AliasDocument($0) }
    }

    struct NewAlias: RequestDocument {
        static let members: Set<String> = ["address", "targets"]
        var address: String
        var targets: [String]
    }

    private func add(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let new = try await request.decode(NewAlias.self)
        guard let address = EmailAddress(new.address), address.domain == domain.name else {
            throw Problem.invalid("address", "This is no address of \(domain.name).")
        }
        let alias = Alias(address: address, targets: try Self.parsed(new.targets, "targets"))
        try await addresses.addAlias(alias, by: actor(request, caller))
        return try .json(
            AliasDocument(alias),
            status: 201,
            headers: ["Location": "/api/domains/\(domain.name)/aliases/\(address.canonical)"]
        )
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let address = try address(request, in: try await domain(request, caller).name)
        guard let alias = try await addresses.store.alias(address) else {
            throw Problem.notFound("There is no such alias.")
        }
        return try .json(AliasDocument(alias))
    }

    struct Targets: RequestDocument {
        static let members: Set<String> = ["targets"]
        var targets: [String]
    }

    private func change(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let address = try address(request, in: try await domain(request, caller).name)
        let wanted = try await request.decode(Targets.self)
        let alias = Alias(address: address, targets: try Self.parsed(wanted.targets, "targets"))
        try await addresses.setTargets(of: alias, by: actor(request, caller))
        return try .json(AliasDocument(alias))
    }

    private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let address = try address(request, in: try await domain(request, caller).name)
        try await addresses.removeAlias(address, by: actor(request, caller))
        return .noContent
    }
}
