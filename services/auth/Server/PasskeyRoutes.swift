import Accounts
package import HTTPKit
import MailModel
import MailPorts
import ServiceHost

/// Passkeys: one's own, and signing in by one.
///
/// Invariants: a new or removed passkey wants the password or a passkey once more; answers to signing in are the same whatever
/// was wrong.
package struct PasskeyRoutes: Sendable {
    let auth: AuthRoutes
    let passkeys: PasskeyService

    package init(auth: AuthRoutes) {
        self.auth = auth
        passkeys = auth.passkeys
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        set.post("/api/auth/passkey/options") { request in try await self.signInOptions(request) }
        set.post("/api/auth/passkey/verify") { request in try await self.signIn(request) }
        let signedIn = BearerGuard.tokens(auth.tokens, auth.clock)
        let enrolling = BearerGuard.tokens(auth.tokens, auth.clock, toEnrol: true)
        set.get("/api/users/me/passkeys", enrolling(list))
        set.post("/api/users/me/passkeys", enrolling(register))
        set.post("/api/users/me/passkeys/confirm", signedIn(confirmationOptions))
        set.post("/api/users/me/passkeys/options", enrolling(creationOptions))
        set.patch("/api/users/me/passkeys/{id}", signedIn(rename))
        set.post("/api/users/me/passkeys/{id}/delete", signedIn(remove))
        Self.describe(&set)
        return set
    }

    // MARK: - Signing in

    private struct Address: RequestDocument {
        static let members: Set<String> = ["email"]
        var email: String?
    }

    private func signInOptions(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(Address.self)
        let address = try given.email.map { text throws(Problem) in
            guard let address = EmailAddress(text) else {
                throw Problem.invalid("email", "This is no address.")
            }
            return address
        }
        let options = try await passkeys.signInRequest(address, now: auth.clock.now())
        return try .plain(PasskeyOptionsDocument(options: PasskeyOptions(options)))
    }

    private struct Answer: RequestDocument {
        static let members: Set<String> = ["credential", "email"]
        var credential: PasskeyCredential
        var email: String?
    }

    private func signIn(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(Answer.self)
        let now = auth.clock.now()
        let outcome = try await passkeys.signIn(
            try given.credential.assertion(),
            address: given.email.flatMap { EmailAddress($0) },
            remote: request.remote,
            now: now
        )
        switch outcome {
        case .passed(let account):
            if let domain = try await auth.authenticator.provider(demandedOf: account) {
                throw Problem.providerNeeded(domain)
            }
            return try auth.answer(try await auth.tokens.issue(for: account, from: request.origin, now: now), now)
        case .refused: throw AuthRoutes.wrongPasskey
        }
    }

    // MARK: - One's own

    private struct Views: Encodable {
        var passkeys: [PasskeyView]
        var next: String?
    }

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["created_at", "name", "last_used_at"], filters: ["text"])
        let page = try query.page(
            of: try await passkeys.list(of: caller.id).filter { query.finds(in: $0.name) }.map { PasskeyView($0) },
            keys: [
                "created_at": { $0.createdAt }, "name": { $0.name }, "last_used_at": { $0.lastUsedAt ?? "" },
            ],
            id: { String($0.id) }
        )
        return request.linked(try .json(Views(passkeys: page.items, next: page.next)), next: page.next)
    }

    private struct Nothing: RequestDocument {
        static let members: Set<String> = []
    }

    @Sendable private func confirmationOptions(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        _ = try await request.decode(Nothing.self)
        guard let options = try await passkeys.confirmationRequest(caller, now: auth.clock.now()) else {
            throw Problem.notFound("The account has no passkey.")
        }
        return try .plain(PasskeyOptionsDocument(options: PasskeyOptions(options)))
    }

    @Sendable private func creationOptions(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await auth.requireConfirmation(request, caller)
        let options = try await passkeys.creation(caller, now: auth.clock.now())
        return try .plain(PasskeyOptionsDocument(options: PasskeyOptions(options)))
    }

    private struct Registration: RequestDocument {
        static let members: Set<String> = ["name", "credential"]
        var name: String
        var credential: PasskeyCredential
    }

    @Sendable private func register(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let new = try await request.decode(Registration.self)
        let made = try await passkeys.register(
            try new.credential.registration(),
            name: new.name,
            for: caller,
            remote: request.remote,
            now: auth.clock.now()
        )
        return try .json(
            PasskeyView(made.passkey, recoveryCodes: made.recoveryCodes),
            status: 201,
            headers: ["Location": "/api/users/me/passkeys/\(made.passkey.id)", "Cache-Control": "no-store"]
        )
    }

    private struct Name: RequestDocument {
        static let members: Set<String> = ["name"]
        var name: String
    }

    @Sendable private func rename(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Name.self)
        let id = try request.number()
        try await passkeys.rename(
            PasskeyID(id),
            of: caller,
            to: given.name,
            remote: request.remote,
            now: auth.clock.now()
        )
        return .noContent
    }

    @Sendable private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let id = try request.number()
        try await auth.requireConfirmation(request, caller)
        try await passkeys.remove(PasskeyID(id), of: caller, remote: request.remote, now: auth.clock.now())
        return .noContent
    }
}
