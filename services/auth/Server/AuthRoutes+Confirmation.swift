import Accounts
import HTTPKit
import MailModel
import MailPorts
import SingleSignOn

/// What a person shows once more: the password, a passkey, or a sign-in by the domain's provider.
struct Confirmation: Sendable {
    static let members: Set<String> = ["password", "passkey", "provider"]
    var password: String?
    var passkey: PasskeyCredential?
    var provider: ProviderCode?

    /// What `/api/auth/sso/start` came back with, and what the page's challenge was made of.
    struct ProviderCode: Decodable, Sendable {
        var code: String
        var verifier: String
    }
}

/// What an open session alone must not change wants to know once more who is there.
extension AuthRoutes {
    private struct Confirming: RequestDocument {
        static let members = Confirmation.members
        var password: String?
        var passkey: PasskeyCredential?
        var provider: Confirmation.ProviderCode?
    }

    /// The whole body is the confirmation.
    func requireConfirmation(_ request: APIRequest, _ caller: Account) async throws {
        let given = try await request.decode(Confirming.self)
        try await requireConfirmation(
            Confirmation(password: given.password, passkey: given.passkey, provider: given.provider),
            of: caller,
            request
        )
    }

    /// One of them, and not more.
    func requireConfirmation(
        _ given: Confirmation,
        named field: String = "password",
        of caller: Account,
        _ request: APIRequest
    ) async throws {
        switch (given.password, given.passkey, given.provider) {
        case (let password?, nil, nil): try await requirePassword(password, named: field, of: caller, request)
        case (nil, let passkey?, nil): try await requirePasskey(passkey, of: caller, request)
        case (nil, nil, let provider?): try await requireProvider(provider, of: caller, request)
        default: throw Problem.invalid(field, "Give the password, a passkey or a new sign-in by the provider.")
        }
    }

    /// A sign-in by the provider that is not long ago, once.
    private func requireProvider(
        _ given: Confirmation.ProviderCode,
        of caller: Account,
        _ request: APIRequest
    ) async throws {
        let outcome: ProviderSignIn.Confirmation?
        do throws(SignInStepFault) {
            outcome = try await providers?.confirm(
                caller,
                byCode: given.code,
                verifier: given.verifier,
                remote: request.remote,
                now: clock.now()
            )
        } catch .store(let error) {
            throw error
        } catch {
            outcome = .refused
        }
        switch outcome {
        case .confirmed: ()
        case .refused, nil: throw Problem.invalid("provider", "This is no sign-in of yours; begin anew.")
        case .notAnew:
            throw Problem.invalid(
                "provider",
                "The provider did not ask just now; begin with prompt=login and max_age=0."
            )
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
