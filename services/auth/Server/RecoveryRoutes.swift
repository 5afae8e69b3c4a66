package import Accounts
package import HTTPKit
import MailModel
import MailPorts
import ServiceHost

/// New passwords by mail, and the address that it goes to.
///
/// Invariants: the answer to a request, and the time it takes, are the same whether there is such an account or not; what an open
/// session alone must not change wants the password or a passkey once more.
package struct RecoveryRoutes: Sendable {
    /// Whatever is done meanwhile, a request is answered after this time: longer than a mail takes to be queued.
    private static let answerAfter = Duration.milliseconds(500)

    private let recovery: RecoveryService
    private let auth: AuthRoutes

    package init(recovery: RecoveryService, auth: AuthRoutes) {
        self.recovery = recovery
        self.auth = auth
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(auth.tokens, auth.clock)
        set.post("/api/auth/password-reset") { request in try await self.requestReset(request) }
        set.post("/api/auth/password-reset/complete") { request in try await self.completeReset(request) }
        set.get("/api/users/me/recovery-address", guarded(show))
        set.put("/api/users/me/recovery-address", guarded(begin))
        set.post("/api/users/me/recovery-address/confirm", guarded(confirm))
        set.post("/api/users/me/recovery-address/remove", guarded(remove))
        Self.describe(&set)
        return set
    }

    // MARK: - New passwords

    private struct Email: RequestDocument {
        static let members: Set<String> = ["email"]
        var email: String
    }

    private func requestReset(_ request: APIRequest) async throws -> APIResponse {
        let email = try await request.decode(Email.self).email
        let answerAt = ContinuousClock.now + Self.answerAfter
        try await recovery.requestReset(of: email, remote: request.remote, now: auth.clock.now())
        try await Task.sleep(until: answerAt, clock: .continuous)
        return try .json(["status": "accepted"], status: 202)
    }

    private struct Reset: RequestDocument {
        static let members: Set<String> = ["token", "new_password"]
        var token: String
        var newPassword: String

        private enum CodingKeys: String, CodingKey {
            case token
            case newPassword = "new_password"
        }
    }

    private func completeReset(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(Reset.self)
        do {
            try await recovery.reset(
                byToken: given.token,
                to: given.newPassword,
                remote: request.remote,
                now: auth.clock.now()
            )
        } catch .passwordRefused(let why) {
            throw Problem.invalid("new_password", why)
        }
        return .noContent
    }

    // MARK: - The address

    private struct Known: Encodable {
        /// The proved one.
        var address: String?
    }

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try .json(Known(address: try await recovery.recoveryAddress(of: caller)?.description))
    }

    private struct New: RequestDocument {
        static let members = Confirmation.members.union(["address"])
        var address: String
        var password: String?
        var passkey: PasskeyCredential?
        var provider: Confirmation.ProviderCode?
    }

    @Sendable private func begin(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(New.self)
        try await auth.requireConfirmation(
            Confirmation(password: given.password, passkey: given.passkey, provider: given.provider),
            of: caller,
            request
        )
        try await recovery.begin(given.address, for: caller, remote: request.remote, now: auth.clock.now())
        return try .json(["status": "accepted"], status: 202)
    }

    private struct Token: RequestDocument {
        static let members: Set<String> = ["token"]
        var token: String
    }

    @Sendable private func confirm(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let address = try await recovery.confirm(
            token: try await request.decode(Token.self).token,
            for: caller,
            remote: request.remote,
            now: auth.clock.now()
        )
        return try .json(Known(address: address.description))
    }

    @Sendable private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await auth.requireConfirmation(request, caller)
        try await recovery.remove(from: caller, remote: request.remote, now: auth.clock.now())
        return .noContent
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        let accepted = Schema.object(["status": .text])
        let known = Schema.object(["address": .optional(.text)])
        set.describe(
            "POST",
            "/api/auth/password-reset",
            RouteDescription(
                "Ask for a token for a new password, by mail to the account's recovery address",
                isOpen: true,
                body: ["email"],
                answers: [202: "The same for every address", 429: "Too many from this client"],
                required: ["email"],
                schemas: [202: accepted]
            )
        )
        set.describe(
            "POST",
            "/api/auth/password-reset/complete",
            RouteDescription(
                "Set a new password by a token; every session of the account ends",
                isOpen: true,
                body: ["token", "new_password"],
                answers: [204: "Set", 422: "The token or the password is not good", 429: "Too many from this client"],
                required: ["token", "new_password"]
            )
        )
        set.describe(
            "GET",
            "/api/users/me/recovery-address",
            RouteDescription("One's recovery address", answers: [200: "The proved one"], schemas: [200: known])
        )
        set.describe(
            "PUT",
            "/api/users/me/recovery-address",
            RouteDescription(
                "Mail a token to an address, which becomes the recovery address when the token is shown",
                body: New.members,
                answers: [
                    202: "Mailed", 422: "The address, the password or the passkey is not good", 429: "Too many mails",
                ],
                required: ["address"],
                schemas: [202: accepted]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/recovery-address/confirm",
            RouteDescription(
                "Prove the recovery address by the token that went there",
                body: ["token"],
                answers: [200: "The address", 422: "The token is not good", 429: "Too many from this client"],
                required: ["token"],
                schemas: [200: known]
            )
        )
        set.describe(
            "POST",
            "/api/users/me/recovery-address/remove",
            RouteDescription(
                "Remove the recovery address; tokens that went there are void",
                body: Confirmation.members,
                answers: [204: "Removed", 404: "There is none", 422: "The password or the passkey is wrong"]
            )
        )
    }
}
