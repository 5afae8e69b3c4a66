import Accounts
import HTTPKit
import MailModel
import MailPorts
import ServiceHost
import Telemetry

extension DomainRoutes {
    private struct AccountDocument: Encodable {
        var id: Int64
        var email: String
        var displayName: String
        var role: String
        var status: String
        var hasPassword: Bool
        /// Null: no limit.
        var quotaBytes: Int64?
        var usedBytes: Int64
        var usedMessages: Int64
        var createdAt: String

        init(_ account: Account) {
            id = account.id.rawValue
            email = account.primaryAddress.description
            displayName = account.displayName
            role = account.role.rawValue
            status = account.status.rawValue
            hasPassword = account.hasPassword
            quotaBytes = account.quotaBytes
            usedBytes = account.usedBytes
            usedMessages = account.usedMessages
            createdAt = RFC3339.text(account.createdAt)
        }
    }

    func listAccounts(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await gate.domain(request, caller, .users)
        let query = try request.list(AccountListing.Sort.self, filters: ["status", "role", "email"])
        var listing = AccountListing(domain: domain.name, limit: query.limit)
        (listing.status, listing.role) = (try query.choice("status"), try query.choice("role"))
        listing.prefix = query.name("email")
        let found = try await directory.accounts(try query.applied(to: listing))
        return try request.answer("accounts", found, query) { AccountDocument($0) }
    }

    private struct AccountRequest: RequestDocument {
        static let members: Set<String> = ["email", "password", "display_name", "role", "quota_bytes"]
        var email: String
        var password: String
        var displayName: String?
        var role: String?
        var quotaBytes: Int64?

        private enum CodingKeys: String, CodingKey {
            case email, password, role
            case displayName = "display_name"
            case quotaBytes = "quota_bytes"
        }
    }

    func addAccount(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await gate.domain(request, caller, .users)
        let new = try await request.decode(AccountRequest.self)
        guard let address = EmailAddress(new.email), address.domain == domain.name else {
            throw Problem.invalid("email", "This is no address of \(domain.name).")
        }
        guard let role = new.role.map({ Role(rawValue: $0) }) ?? .member else {
            throw Problem.invalid("role", "Roles are \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        try AccessRule(caller: caller).requireMayGive(role)
        let name = new.displayName ?? ""
        guard name.utf8.count <= 200, !name.utf8.contains(where: { $0 < 32 || $0 == 127 }) else {
            throw Problem.invalid("display_name", "At most 200 octets, without control characters.")
        }
        if let quota = new.quotaBytes, quota < 0 { throw Problem.invalid("quota_bytes", "A quota is not negative.") }
        let account = try await accounts.addAccount(
            address,
            password: new.password,
            displayName: name,
            role: role,
            quotaBytes: new.quotaBytes,
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: clock.now()
        )
        return try .json(AccountDocument(account), status: 201)
    }
}
