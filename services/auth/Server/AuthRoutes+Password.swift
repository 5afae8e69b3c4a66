import Accounts
import HTTPKit
import MailModel
import MailPorts

/// `/api/users/me/password`: one's own, changed, taken away and set again.
extension AuthRoutes {
    private struct NewPassword: RequestDocument {
        static let members: Set<String> = ["old_password", "passkey", "new_password"]
        var oldPassword: String?
        var passkey: PasskeyCredential?
        var newPassword: String

        private enum CodingKeys: String, CodingKey {
            case passkey
            case oldPassword = "old_password"
            case newPassword = "new_password"
        }
    }

    @Sendable func changePassword(_ request: APIRequest, _ caller: SignedIn) async throws -> APIResponse {
        let given = try await request.decode(NewPassword.self)
        try await requireConfirmation(
            Confirmation(password: given.oldPassword, passkey: given.passkey),
            named: "old_password",
            of: caller.account,
            request
        )
        // Who confirms by a passkey was not asked for it yet.
        if let domain = try await authenticator.provider(demandedOf: caller.account) {
            throw Problem.providerNeeded(domain)
        }
        if let domain = try await authenticator.directory(demandedOf: caller.account) {
            throw Problem(
                .forbidden,
                detail: "The passwords of \(domain) are kept in its directory: change yours there."
            )
        }
        do {
            try await accounts.changeOwnPassword(
                of: caller.account,
                to: given.newPassword,
                keepingSession: caller.family,
                remote: request.remote,
                now: clock.now()
            )
        } catch .passwordRefused(let why) {
            throw Problem.invalid("new_password", why)
        }
        return .noContent
    }

    private struct Farewell: RequestDocument {
        static let members: Set<String> = ["passkey"]
        var passkey: PasskeyCredential
    }

    /// Only a passkey confirms it: the one that the account goes on with.
    @Sendable func removePassword(_ request: APIRequest, _ caller: SignedIn) async throws -> APIResponse {
        let given = try await request.decode(Farewell.self)
        guard caller.account.hasPassword else { throw Problem.notFound("The account has no password.") }
        try await passkeys.requireSignInAlone(caller.account)
        try await requirePasskey(given.passkey, of: caller.account, request)
        try await accounts.removeOwnPassword(
            of: caller.account,
            keepingSession: caller.family,
            remote: request.remote,
            now: clock.now()
        )
        return .noContent
    }
}
