import Accounts
import HTTPKit
import MailModel
import MailPorts
import Telemetry

/// `/api/users/me/app-passwords`: the passwords of one's own mail clients.
extension AuthRoutes {
    private struct Document: Encodable {
        var id: Int64
        var name: String
        var scopes: [String]
        var createdAt: String
        var lastUsedAt: String?
        var lastUsedFrom: String?
        /// Only in the answer that made it.
        var password: String?

        init(_ known: AppPassword, secret: AppSecret? = nil) {
            id = known.id.rawValue
            name = known.name
            scopes = SignInScope.allCases.filter(known.scopes.contains).map(\.rawValue)
            createdAt = RFC3339.text(known.createdAt)
            lastUsedAt = known.lastUse.map { RFC3339.text($0.at) }
            lastUsedFrom = known.lastUse?.remote?.description
            password = secret?.text
        }
    }

    private struct Documents: Encodable {
        var appPasswords: [Document]
        var next: String?
    }

    @Sendable func listAppPasswords(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["created_at", "name", "last_used_at"], filters: ["scope", "text"])
        let scope: SignInScope? = try query.choice("scope")
        let known = try await appPasswords.list(of: caller.id).filter { known in
            (scope.map { known.scopes.contains($0) } ?? true) && query.finds(in: known.name)
        }.map { Document($0) }
        let page = try query.page(
            of: known,
            keys: [
                "created_at": { $0.createdAt }, "name": { $0.name }, "last_used_at": { $0.lastUsedAt ?? "" },
            ],
            id: { String($0.id) }
        )
        return request.linked(try .json(Documents(appPasswords: page.items, next: page.next)), next: page.next)
    }

    private struct NewPassword: RequestDocument {
        static let members: Set<String> = ["name", "scopes"]
        var name: String
        /// All of them when it is not given.
        var scopes: [String]?
    }

    @Sendable func addAppPassword(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let new = try await request.decode(NewPassword.self)
        let words = new.scopes ?? SignInScope.allCases.map(\.rawValue)
        let scopes = words.compactMap { SignInScope(rawValue: $0) }
        guard scopes.count == words.count else {
            let known = SignInScope.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem.invalid("scopes", "Scopes are \(known).")
        }
        let made = try await appPasswords.add(
            to: caller,
            name: new.name,
            scopes: Set(scopes),
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: clock.now()
        )
        return try .json(
            Document(made.password, secret: made.secret),
            status: 201,
            headers: ["Location": "/api/users/me/app-passwords/\(made.password.id)"]
        )
    }

    @Sendable func revokeAppPassword(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let id = try request.number()
        try await appPasswords.revoke(
            AppPasswordID(id),
            of: caller,
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: clock.now()
        )
        return .noContent
    }
}
