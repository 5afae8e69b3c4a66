import Accounts
import HTTPKit
import MailModel
import MailPorts

/// What an open session alone must not change wants to know once more who is there.
extension AuthRoutes {
    private struct Confirmation: RequestDocument {
        static let members: Set<String> = ["password", "passkey"]
        var password: String?
        var passkey: PasskeyCredential?
    }

    /// The whole body is the confirmation.
    func requireConfirmation(_ request: APIRequest, _ caller: Account) async throws {
        let given = try await request.decode(Confirmation.self)
        try await requireConfirmation(given.password, given.passkey, of: caller, request)
    }

    /// The password or a passkey, and not both.
    func requireConfirmation(
        _ password: String?,
        _ passkey: PasskeyCredential?,
        named field: String = "password",
        of caller: Account,
        _ request: APIRequest
    ) async throws {
        switch (password, passkey) {
        case (let password?, nil): try await requirePassword(password, named: field, of: caller, request)
        case (nil, let passkey?): try await requirePasskey(passkey, of: caller, request)
        default: throw Problem.invalid(field, "Give the password or a passkey.")
        }
    }

    /// An answer to `POST /api/users/me/passkeys/confirm`, once.
    func requirePasskey(_ passkey: PasskeyCredential, of caller: Account, _ request: APIRequest) async throws {
        let outcome = try await passkeys.confirm(
            try passkey.assertion(),
            of: caller,
            remote: request.remote,
            now: clock.now()
        )
        guard case .passed = outcome else { throw Problem.invalid("passkey", "The passkey was not accepted.") }
    }

    /// Failures count as those of signing in.
    private func requirePassword(
        _ password: String,
        named field: String,
        of caller: Account,
        _ request: APIRequest
    ) async throws {
        let outcome = await authenticator.authenticate(
            user: caller.primaryAddress.canonical,
            password: password,
            remote: request.remote,
            service: "http",
            now: clock.now()
        )
        switch outcome {
        case .success, .secondFactorNeeded, .enrolmentNeeded: ()
        case .providerNeeded(let domain): throw Problem.providerNeeded(domain)
        case .invalid, .appPasswordNeeded: throw Problem.invalid(field, "The password is wrong.")
        case .lockedOut(let seconds): throw Self.lockedOut(seconds)
        case .unavailable: throw Problem.unavailable()
        }
    }
}
