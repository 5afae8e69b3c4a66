package import MailModel
package import MailPorts

/// Owners whose addresses are proved, and what they choose to sign in by.
extension SignUpService {
    /// What the owner's browser is asked to make, for an account without a password.
    package func passkeyOptions(
        token text: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> PasskeyCreation {
        try requireOpen()
        try await applicants.count("spend", remote, now)
        guard let passkeys else { throw Self.badToken }
        return try await passkeys.creation(try await newcomer(try hash(text, remote), text, remote, now), now: now)
    }

    /// Spends a token; the organisation and its owner are made, or an operator decides.
    ///
    /// - Parameter choice: in place of the password that was given at the beginning; nil: that one.
    /// - Returns: recovery codes, this once, when a passkey is chosen.
    package func verify(
        token text: String,
        choosing choice: ChosenFactor?,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> (outcome: SignUpOutcome, recoveryCodes: [String]) {
        try requireOpen()
        try await applicants.count("spend", remote, now)
        let hash = try hash(text, remote)
        var chosen: ChosenCredential?
        var codes: [String] = []
        switch choice {
        case nil: ()
        case .password(let password):
            let newcomer = try await newcomer(hash, text, remote, now)
            chosen = .password(try await hashed(password, for: newcomer.address))
        case .passkey(let answer, let name):
            guard let passkeys else { throw Self.badToken }
            let newcomer = try await newcomer(hash, text, remote, now)
            let made = try await passkeys.chosen(answer, name: name, for: newcomer, now: now)
            (chosen, codes) = (.passkey(made.new), made.recoveryCodes)
        }
        return (try await spend(hash, text, chosen, remote, now), codes)
    }

    private func spend(
        _ hash: [UInt8],
        _ text: String,
        _ chosen: ChosenCredential?,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(AccountError) -> SignUpOutcome {
        let isDecided = limits.mode == .approval
        do throws(StoreError) {
            let outcome = try await store.verifySignUp(
                byToken: hash,
                choosing: chosen,
                decideBy: isDecided ? now.adding(seconds: limits.decisionSeconds) : nil,
                now: now,
                audit: AuditEvent(
                    at: now,
                    actor: "",
                    action: isDecided ? "sign_up.verified" : "organisation.sign_up",
                    subject: "",
                    remote: remote
                )
            )
            if case .waits(let signUp) = outcome { await tellOperators(of: signUp, now) }
            return outcome
        } catch .notFound {
            // With a choice the token was good a moment ago.
            if chosen == nil { applicants.noteWrong(text, remote) }
            throw Self.badToken
        } catch .alreadyExists {
            throw Self.badToken
        } catch .refused {
            throw .fieldRefused("password", "Give a password or a passkey.")
        } catch {
            throw .store(error)
        }
    }

    func hashed(_ password: String, for address: EmailAddress) async throws(AccountError) -> String {
        if let objection = try await accounts.objection(to: password, address: address.canonical, of: nil) {
            throw .passwordRefused(objection)
        }
        return try await accounts.hashed(password)
    }

    private func newcomer(
        _ hash: [UInt8],
        _ text: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(AccountError) -> PasskeyService.Newcomer {
        let found: (signUp: SignUp, account: AccountID)?
        do throws(StoreError) {
            found = try await store.signedUpAccount(byToken: hash, now: now)
        } catch {
            throw .store(error)
        }
        guard let found else { throw wrongToken(text, remote) }
        return PasskeyService.Newcomer(
            address: found.signUp.email,
            displayName: found.signUp.displayName,
            // There is none yet: what holds for the whole platform counts.
            organisation: OrganisationID(0),
            account: found.account
        )
    }

    private func hash(_ text: String, _ remote: IPAddress?) throws(AccountError) -> [UInt8] {
        guard let token = MailToken(pasted: text) else { throw wrongToken(text, remote) }
        return token.hash(for: .signUp)
    }

    private func wrongToken(_ text: String, _ remote: IPAddress?) -> AccountError {
        applicants.noteWrong(text, remote)
        return Self.badToken
    }
}
