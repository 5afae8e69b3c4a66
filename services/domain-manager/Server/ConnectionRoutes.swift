package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost
package import SingleSignOn
import Telemetry

/// Identity providers of domains over HTTP: `/api/domains/{name}/sso`.
///
/// Invariants: managers of the domain's organisation only; the client secret is in no answer; nobody whose role is above that of
/// who set the connection is signed in by it.
package struct ConnectionRoutes: Sendable {
    static let path = "/api/domains/{name}/sso"

    private let connections: ProviderConnections
    private let gate: DomainGate
    private let tokens: TokenService
    private let clock: any WallClock

    package init(
        connections: ProviderConnections,
        gate: DomainGate,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.connections = connections
        self.gate = gate
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: Self.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, guarded { try await self.show($0, $1) })
        set.put(Self.path, guarded { try await self.replace($0, $1) })
        set.delete(Self.path, guarded { try await self.remove($0, $1) })
        set.post("\(Self.path)/check", guarded { try await self.check($0, $1) })
        set.get("\(Self.path)/links", guarded { try await self.links($0, $1) })
        set.delete("\(Self.path)/links/{account}", guarded { try await self.unlink($0, $1) })
        Self.describe(&set)
        return set
    }

    @Sendable private static func problem(_ error: any Error) -> Problem? {
        guard let fault = error as? ConnectionFault else { return ManagerProblem.problem(error) }
        return ManagerProblem.problem(fault, absent: "The domain has no identity provider.")
    }

    private func domain(_ request: APIRequest, _ caller: Account) async throws -> HostedDomain {
        try await gate.domain(request, caller, [])
    }

    // MARK: - The connection

    private struct Document: Encodable {
        var issuer: String
        var clientId: String
        var hasClientSecret: Bool
        var enforced: Bool
        var coversAliases: Bool
        var makesAccounts: Bool
        var quotaBytes: Int64?
        var addressClaim: String
        var nameClaim: String
        var needsVerifiedAddress: Bool
        var scopes: String
        var setBy: String
        var version: Int64
        var changedAt: String?
        /// To be entered at the provider.
        var redirectUri: String
    }

    private func answer(_ found: ProviderConnection) throws -> APIResponse {
        try .json(
            Document(
                issuer: found.issuer,
                clientId: found.clientID,
                hasClientSecret: found.sealedSecret != nil,
                enforced: found.isEnforced,
                coversAliases: found.coversAliases,
                makesAccounts: found.makesAccounts,
                quotaBytes: found.quotaBytes,
                addressClaim: found.addressClaim,
                nameClaim: found.nameClaim,
                needsVerifiedAddress: found.needsVerifiedAddress,
                scopes: found.scopes,
                setBy: found.setBy.rawValue,
                version: found.version,
                changedAt: found.changedAt.map { RFC3339.text($0) },
                redirectUri: connections.callback
            )
        ).tagged(version: found.version)
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try answer(try await connections.connection(of: try await domain(request, caller).name))
    }

    private struct Wish: RequestDocument {
        static let members: Set<String> = [
            "issuer", "client_id", "client_secret", "enforced", "covers_aliases", "makes_accounts", "quota_bytes",
            "address_claim", "name_claim", "needs_verified_address", "scopes",
        ]
        var issuer: String
        var clientID: String
        /// In no answer and no log.
        var clientSecret: String?
        var enforced: Bool?
        var coversAliases: Bool?
        var makesAccounts: Bool?
        var quotaBytes: Int64?
        var addressClaim: String?
        var nameClaim: String?
        var needsVerifiedAddress: Bool?
        var scopes: String?

        private enum CodingKeys: String, CodingKey {
            case issuer, enforced, scopes
            case clientID = "client_id"
            case clientSecret = "client_secret"
            case coversAliases = "covers_aliases"
            case makesAccounts = "makes_accounts"
            case quotaBytes = "quota_bytes"
            case addressClaim = "address_claim"
            case nameClaim = "name_claim"
            case needsVerifiedAddress = "needs_verified_address"
        }

        var wish: ConnectionWish {
            var wish = ConnectionWish(issuer: issuer, clientID: clientID)
            wish.clientSecret = clientSecret
            wish.isEnforced = enforced
            wish.coversAliases = coversAliases
            wish.makesAccounts = makesAccounts
            wish.quotaBytes = quotaBytes
            wish.addressClaim = addressClaim
            wish.nameClaim = nameClaim
            wish.needsVerifiedAddress = needsVerifiedAddress
            wish.scopes = scopes
            return wish
        }
    }

    private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let wish = try await request.decode(Wish.self).wish
        let domain = try await domain(request, caller)
        guard domain.status == .active else {
            throw Problem(409, detail: "The domain must be verified and not suspended.")
        }
        return try answer(
            try await connections.set(
                wish,
                of: domain.name,
                by: caller.role,
                replacing: try request.expectedVersion(),
                audit: AuditEvent("sso.set", domain.name, by: caller, request, at: clock.now())
            )
        )
    }

    private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        try await connections.remove(
            of: domain.name,
            audit: AuditEvent("sso.remove", domain.name, by: caller, request, at: clock.now())
        )
        return .noContent
    }

    private func check(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        return try .json(CheckReportDocument(try await connections.check(domain.name, now: clock.now())))
    }

    // MARK: - Links

    private struct Link: Encodable {
        var accountId: Int64
        var email: String
        var issuer: String
        var subject: String
        var linkedAt: String
        var lastUsedAt: String?
        var lastUsedFrom: String?
    }

    private func links(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let query = try request.list(LinkListing.Sort.self, filters: ["text"])
        var listing = LinkListing(domain: domain.name, limit: query.limit)
        listing.text = query.filters["text"]
        let found = try await connections.store.links(try query.applied(to: listing))
        return try request.answer("links", found, query) {
            Link(
                accountId: $0.account.rawValue,
                email: $0.address.description,
                issuer: $0.issuer,
                subject: $0.subject,
                linkedAt: RFC3339.text($0.linkedAt),
                lastUsedAt: $0.lastUse.map { RFC3339.text($0.at) },
                lastUsedFrom: $0.lastUse?.remote?.description
            )
        }
    }

    private func unlink(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        let id = try request.number("account")
        var audit = AuditEvent("sso.unlink", domain.name, by: caller, request, at: clock.now())
        audit.detail = AuditDetail().adding("account", id).text
        try await connections.store.removeLink(of: AccountID(id), at: domain.name, audit: audit)
        return .noContent
    }
}
