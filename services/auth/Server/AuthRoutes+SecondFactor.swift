import Accounts
import HTTPKit
import MailModel
import MailPorts

/// Second factors: the second step of signing in, and `/api/users/me/second-factor`.
extension AuthRoutes {
    private struct Challenge: Encodable {
        var challenge: String
        var expiresIn: Int64
        var factors: [String]
        /// For a passkey, in the names of WebAuthn.
        var options: PasskeyOptions?

        private enum CodingKeys: String, CodingKey {
            case challenge
            case expiresIn = "expires_in"
            case factors
            case options = "public_key"
        }
    }

    /// 202: the password was right, a code or a passkey is wanted.
    func challenge(_ account: Account, _ now: Timestamp) async throws -> APIResponse {
        let kinds = try await factors.store.secondFactorKinds(of: account.id)
        let options = try await passkeys.secondFactorRequest(account, now: now)
        return try .plain(
            Challenge(
                challenge: factors.challenge(account, now: now),
                expiresIn: SecondFactorService.challengeSeconds,
                factors: SecondFactorKind.allCases.filter(kinds.contains).map(\.rawValue) + ["recovery_code"],
                options: options.map { PasskeyOptions($0) }
            ),
            status: 202
        )
    }

    private struct Answer: RequestDocument {
        static let members: Set<String> = ["challenge", "code", "passkey"]
        var challenge: String
        var code: String?
        var passkey: PasskeyCredential?
    }

    func completeSecondFactor(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(Answer.self)
        let now = clock.now()
        let account: Account
        switch (given.code, given.passkey) {
        case (let code?, nil):
            account = try Self.account(
                try await factors.complete(challenge: given.challenge, code: code, remote: request.remote, now: now)
            )
        case (nil, let passkey?): account = try await passed(passkey, given.challenge, request, now)
        default: throw Problem.invalid("code", "Give a code or a passkey.")
        }
        return try answer(try await tokens.issue(for: account, from: request.origin, now: now), now)
    }

    private func passed(
        _ passkey: PasskeyCredential,
        _ challenge: String,
        _ request: APIRequest,
        _ now: Timestamp
    ) async throws -> Account {
        guard let account = try await factors.account(ofChallenge: challenge, now: now) else {
            return try Self.account(.noChallenge)
        }
        let outcome = try await passkeys.completeSecondFactor(
            try passkey.assertion(),
            of: account,
            remote: request.remote,
            now: now
        )
        guard case .passed(let account) = outcome else { throw Self.wrongPasskey }
        return account
    }

    private static func account(_ outcome: SecondFactorOutcome) throws(Problem) -> Account {
        switch outcome {
        case .passed(let account): return account
        case .wrongCode: throw Problem.unauthenticated("The code is wrong or was used.")
        case .noChallenge: throw Problem.unauthenticated("The challenge is not valid; sign in again.")
        case .lockedOut(let seconds): throw lockedOut(seconds)
        }
    }

    // MARK: - One's own

    private struct State: Encodable {
        var isEnabled: Bool
        var recoveryCodesLeft: Int
        var isRequired: Bool
    }

    @Sendable func showSecondFactor(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let state = try await factors.state(of: caller.id)
        return try .json(
            State(
                isEnabled: state.isEnabled,
                recoveryCodesLeft: state.recoveryCodesLeft,
                isRequired: state.isDemanded
            )
        )
    }

    private struct Enrolment: Encodable {
        var secret: String
        var uri: String
    }

    @Sendable func beginSecondFactor(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await requireConfirmation(request, caller)
        let made = try await factors.begin(caller)
        return try .json(Enrolment(secret: made.secret, uri: made.uri), status: 201)
    }

    private struct Code: RequestDocument {
        static let members: Set<String> = ["code"]
        var code: String
    }

    private struct RecoveryCodes: Encodable {
        var recoveryCodes: [String]
    }

    @Sendable func confirmSecondFactor(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Code.self)
        return try .json(
            RecoveryCodes(
                recoveryCodes: try await factors.confirm(
                    caller,
                    code: given.code,
                    remote: request.remote,
                    now: clock.now()
                )
            )
        )
    }

    private struct Both: RequestDocument {
        static let members = Confirmation.members.union(["code"])
        var password: String?
        var code: String?
        var passkey: PasskeyCredential?
        var provider: Confirmation.ProviderCode?
    }

    @Sendable func renewRecoveryCodes(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await requireBoth(request, caller)
        return try .json(
            RecoveryCodes(
                recoveryCodes: try await factors.renewRecoveryCodes(
                    caller,
                    remote: request.remote,
                    now: clock.now()
                )
            )
        )
    }

    @Sendable func disableSecondFactor(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await requireBoth(request, caller)
        try await factors.disable(
            caller,
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: clock.now()
        )
        return .noContent
    }

    /// Password, or a sign-in by the provider, and code; or a passkey that has verified its user, which is two factors by itself.
    private func requireBoth(_ request: APIRequest, _ caller: Account) async throws {
        let given = try await request.decode(Both.self)
        try await requireConfirmation(
            Confirmation(password: given.password, passkey: given.passkey, provider: given.provider),
            of: caller,
            request
        )
        guard given.passkey == nil else {
            guard given.code == nil else { throw Problem.invalid("code", "A passkey wants no code.") }
            return
        }
        guard let code = given.code else { throw Problem.invalid("code", "Give a code too.") }
        let outcome = try await factors.check(caller, code: code, remote: request.remote, now: clock.now())
        if case .noChallenge = outcome { throw Problem.notFound("The account has no second factor.") }
        if case .wrongCode = outcome { throw Problem.invalid("code", "The code is wrong or was used.") }
        _ = try Self.account(outcome)
    }
}
