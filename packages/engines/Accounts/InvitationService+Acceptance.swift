package import MailModel
package import MailPorts

/// Invitations that are accepted.
extension InvitationService {
    /// What the person's browser is asked to make, for an account without a password.
    package func passkeyOptions(
        token text: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> PasskeyCreation {
        try await count(remote, now)
        guard let passkeys else { throw Self.badToken }
        let invited = try await invited(by: try hash(text, remote), text, remote, now)
        return try await passkeys.creation(Self.newcomer(invited.invitation, invited.account), now: now)
    }

    /// Makes the account with what its person chose.
    ///
    /// - Returns: recovery codes, this once, when it is a passkey.
    package func accept(
        token text: String,
        choosing choice: ChosenFactor,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> (account: Account, recoveryCodes: [String]) {
        try await count(remote, now)
        let hash = try hash(text, remote)
        let invitation: Invitation
        let credential: ChosenCredential
        var codes: [String] = []
        switch choice {
        case .password(let password):
            let known = try await AccountError.stored { () async throws(StoreError) in
                try await store.invitation(byToken: hash, now: now)
            }
            guard let known else { throw wrongToken(text, remote) }
            invitation = known
            credential = .password(try await hashed(password, for: known))
        case .passkey(let answer, let name):
            guard let passkeys else { throw Self.badToken }
            let invited = try await invited(by: hash, text, remote, now)
            invitation = invited.invitation
            let newcomer = Self.newcomer(invitation, invited.account)
            let chosen = try await passkeys.chosen(answer, name: name, for: newcomer, now: now)
            (credential, codes) = (.passkey(chosen.new), chosen.recoveryCodes)
        }
        return (try await take(credential, of: invitation, hash, remote, now), codes)
    }

    private static func newcomer(_ invitation: Invitation, _ account: AccountID) -> PasskeyService.Newcomer {
        PasskeyService.Newcomer(
            address: invitation.address,
            displayName: invitation.displayName,
            organisation: invitation.organisation,
            account: account
        )
    }

    private func take(
        _ credential: ChosenCredential,
        of invitation: Invitation,
        _ hash: [UInt8],
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(AccountError) -> Account {
        do throws(StoreError) {
            return try await store.acceptInvitation(
                byToken: hash,
                choosing: credential,
                quotaBytes: accounts.defaultQuota,
                now: now,
                audit: AuditEvent(
                    at: now,
                    actor: invitation.address.canonical,
                    action: "invitation.accept",
                    subject: invitation.address.canonical,
                    remote: remote
                )
            )
        } catch .notFound {
            throw Self.badToken
        } catch .alreadyExists {
            throw .addressTaken(invitation.address)
        } catch {
            throw .store(error)
        }
    }

    private func hashed(_ password: String, for invitation: Invitation) async throws(AccountError) -> String {
        if let objection = try await accounts.objection(
            to: password,
            address: invitation.address.canonical,
            of: invitation.organisation
        ) {
            throw .passwordRefused(objection)
        }
        return try await accounts.hashed(password)
    }

    private func invited(
        by hash: [UInt8],
        _ text: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(AccountError) -> (invitation: Invitation, account: AccountID) {
        do throws(StoreError) {
            guard let found = try await store.invitedAccount(byToken: hash, now: now) else { throw .notFound }
            return found
        } catch .notFound {
            throw wrongToken(text, remote)
        } catch {
            throw .store(error)
        }
    }

    private func hash(_ text: String, _ remote: IPAddress?) throws(AccountError) -> [UInt8] {
        guard let token = MailToken(pasted: text) else { throw wrongToken(text, remote) }
        return token.hash(for: .invitation)
    }

    private func wrongToken(_ text: String, _ remote: IPAddress?) -> AccountError {
        conduct?.noteWrong(.invitation, text, of: remote)
        return Self.badToken
    }

    private func count(_ remote: IPAddress?, _ now: Timestamp) async throws(AccountError) {
        guard let remote else { return }
        let key = "invitation.accept:\(AccountAuthenticator.place(remote))"
        let window = InvitationLimits.windowSeconds
        if case .exceeded(let seconds) = await limiter.count(key, limit: limits.tries, windowSeconds: window, now: now)
        {
            throw .tooMany(retryAfterSeconds: seconds)
        }
    }
}
