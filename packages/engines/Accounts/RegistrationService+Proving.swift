package import MailModel
package import MailPorts

/// Contacts that are proved, and what their people choose to sign in by.
extension RegistrationService {
    /// What the person's browser is asked to make, for an account without a password.
    package func passkeyOptions(
        token text: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> PasskeyCreation {
        try await applicants.count("spend", remote, now)
        guard let passkeys else { throw Self.badToken }
        return try await passkeys.creation(try await newcomer(text, remote, now), now: now)
    }

    /// Spends a token with the password or the passkey that the person chose: the account is made, or a manager of the domain decides.
    ///
    /// - Returns: recovery codes, this once, when it is a passkey.
    package func verify(
        token text: String,
        choosing choice: ChosenFactor,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> (outcome: RegistrationOutcome, recoveryCodes: [String]) {
        try await applicants.count("spend", remote, now)
        let hash = try hash(text, remote)
        var making = RegisteredAccount(quotaBytes: accounts.defaultQuota)
        var codes: [String] = []
        let owner: OrganisationID
        switch choice {
        case .password(let password):
            guard
                let known = try await AccountError.stored({ () async throws(StoreError) in
                    try await store.registration(byToken: hash, now: now)
                })
            else { throw wrongToken(text, remote) }
            owner = try await organisation(of: known)
            let address = known.address.canonical
            if let objection = try await accounts.objection(to: password, address: address, of: owner) {
                throw .passwordRefused(objection)
            }
            making.passwordHash = try await accounts.hashed(password)
        case .passkey(let answer, let name):
            guard let passkeys else { throw Self.badToken }
            let newcomer = try await newcomer(text, remote, now)
            owner = newcomer.organisation
            let chosen = try await passkeys.chosen(answer, name: name, for: newcomer, now: now)
            (making.passkey, codes) = (chosen.new, chosen.recoveryCodes)
        }
        return (try await spend(hash, making, owner, remote, now), codes)
    }

    private func spend(
        _ hash: [UInt8],
        _ making: RegisteredAccount,
        _ owner: OrganisationID,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(AccountError) -> RegistrationOutcome {
        do throws(StoreError) {
            let outcome = try await store.verifyRegistration(
                byToken: hash,
                making: making,
                decideBy: now.adding(seconds: limits.decisionSeconds),
                now: now,
                audit: AuditEvent(at: now, actor: "", action: "registration.verified", subject: "", remote: remote)
            )
            if case .waits(let registration) = outcome { await tellManagers(of: registration, in: owner, now) }
            return outcome
        } catch .notFound {
            throw Self.badToken
        } catch .alreadyExists {
            throw Self.unavailable
        } catch .refused {
            throw Self.closed
        } catch {
            throw .store(error)
        }
    }

    private func newcomer(
        _ text: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(AccountError) -> PasskeyService.Newcomer {
        let hash = try hash(text, remote)
        let found: (registration: Registration, account: AccountID)?
        do throws(StoreError) {
            found = try await store.registeredAccount(byToken: hash, now: now)
        } catch {
            throw .store(error)
        }
        guard let found else { throw wrongToken(text, remote) }
        return PasskeyService.Newcomer(
            address: found.registration.address,
            displayName: found.registration.displayName,
            organisation: try await organisation(of: found.registration),
            account: found.account
        )
    }

    /// Whose account it would be, if it may be made.
    private func organisation(of known: Registration) async throws(AccountError) -> OrganisationID {
        let owner = try await requireOpen(known.address.domain)
        guard !ReservedNames.contain(known.address.localPart) else { throw Self.reserved }
        return owner
    }

    private func hash(_ text: String, _ remote: IPAddress?) throws(AccountError) -> [UInt8] {
        guard let token = MailToken(pasted: text) else { throw wrongToken(text, remote) }
        return token.hash(for: .registration)
    }

    private func wrongToken(_ text: String, _ remote: IPAddress?) -> AccountError {
        applicants.noteWrong(text, remote)
        return Self.badToken
    }
}
