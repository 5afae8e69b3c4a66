import Addresses
import HTTPKit
import MailModel
import MailPorts

/// Catch-all, details of addresses, and domains that mean another.
extension AddressRoutes {
    func addRoutingRoutes(_ set: inout RouteSet, _ guarded: BearerGuard<Account>) {
        set.get("/api/domains/{name}/routing", guarded { try await self.showRouting($0, $1) })
        set.put("/api/domains/{name}/catch-all", guarded { try await self.setCatchAll($0, $1) })
        set.put("/api/domains/{name}/subaddressing", guarded { try await self.setSeparator($0, $1) })
        set.put("/api/domains/{name}/alias-of", guarded { try await self.setDomainAlias($0, $1) })
        set.delete("/api/domains/{name}/alias-of", guarded { try await self.endDomainAlias($0, $1) })
    }

    private struct RoutingDocument: Encodable {
        struct CatchAllDocument: Encodable {
            /// `reject`, `deliver`, `forward`.
            var action: String
            var target: String?
        }

        var catchAll: CatchAllDocument
        /// `+`, `-`, `off`.
        var separator: String
        /// The domain that this one means.
        var aliasOf: String?
        /// Domains that mean this one.
        var aliases: [String]

        init(_ routing: DomainRouting, aliases: [String]) {
            catchAll =
                switch routing.catchAll {
                case .deliver(let address)?: .init(action: "deliver", target: address.description)
                case .forward(let address)?: .init(action: "forward", target: address.description)
                case nil: .init(action: "reject", target: nil)
                }
            separator = routing.separator.rawValue
            aliasOf = routing.aliasOf
            self.aliases = aliases
        }
    }

    private func routing(of domain: HostedDomain) async throws -> APIResponse {
        let routing = try await addresses.routing(of: domain.name)
        let aliases = try await addresses.store.domainAliases(of: domain.name)
        return try .json(RoutingDocument(routing, aliases: aliases))
    }

    private func showRouting(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await routing(of: try await domain(request, caller))
    }

    struct CatchAllRequest: RequestDocument {
        static let members: Set<String> = ["action", "target"]
        var action: String
        var target: String?
    }

    private func setCatchAll(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let wanted = try await request.decode(CatchAllRequest.self)
        let target = wanted.target.flatMap { EmailAddress($0) }
        guard wanted.target == nil || target != nil else { throw Problem.invalid("target", "This is no address.") }
        let catchAll: CatchAll?
        switch (wanted.action, target) {
        case ("reject", nil): catchAll = nil
        case ("deliver", let target?): catchAll = .deliver(target)
        case ("forward", let target?): catchAll = .forward(target)
        case ("reject", _?): throw Problem.invalid("target", "What is refused goes nowhere.")
        case ("deliver", nil), ("forward", nil): throw Problem.invalid("target", "An address is needed.")
        default: throw Problem.invalid("action", "Actions are reject, deliver, forward.")
        }
        try await addresses.setCatchAll(catchAll, of: domain.name, by: actor(request, caller))
        return try await routing(of: domain)
    }

    struct SeparatorRequest: RequestDocument {
        static let members: Set<String> = ["separator"]
        var separator: String
    }

    private func setSeparator(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let wanted = try await request.decode(SeparatorRequest.self)
        guard let separator = SubaddressSeparator(rawValue: wanted.separator) else {
            throw Problem.invalid("separator", "Separators are +, - and off.")
        }
        try await addresses.setSeparator(separator, of: domain.name, by: actor(request, caller))
        return try await routing(of: domain)
    }

    struct AliasOfRequest: RequestDocument {
        static let members: Set<String> = ["domain"]
        var domain: String
    }

    private func setDomainAlias(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let main = EmailAddress.lowercased(try await request.decode(AliasOfRequest.self).domain)
        guard EmailAddress.isDomain(main.utf8) else { throw Problem.invalid("domain", "This is no domain name.") }
        try await addresses.setDomainAlias(domain.name, of: main, by: actor(request, caller))
        return try await routing(of: domain)
    }

    private func endDomainAlias(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        try await addresses.setDomainAlias(domain.name, of: nil, by: actor(request, caller))
        return .noContent
    }
}
