package import MailModel
package import MailPorts

extension AccountService {
    /// Sets a password, as an operator does who need not know the old one.
    ///
    /// Ends every session of the account.
    package func setPassword(
        _ address: EmailAddress,
        password: String,
        allowWeak: Bool = false,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) {
        let account = try await account(address)
        let event = event("account.password", address, actor, remote, now)
        try await change(account, to: password, allowWeak: allowWeak, exceptSession: nil, event)
    }

    /// Changes one's own password, or sets the first; the caller has checked who is there.
    ///
    /// Ends every other session, and mail sessions that signed in with the old password.
    package func changeOwnPassword(
        of account: Account,
        to password: String,
        keepingSession family: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        let address = account.primaryAddress
        let event = event("account.password", address, address.canonical, remote, now)
        try await change(account, to: password, allowWeak: false, exceptSession: family, event)
    }

    /// Takes one's own password away; the caller has checked a passkey that has verified its user.
    ///
    /// Ends what a change of it ends. `.fieldTaken` when no passkey is left that signs in alone.
    package func removeOwnPassword(
        of account: Account,
        keepingSession family: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        let address = account.primaryAddress
        let event = event("account.password_remove", address, address.canonical, remote, now)
        try await remove(account, exceptSession: family, evenIfOnlyWayIn: false, event)
    }

    /// Takes a password away, as an operator does; ends every session of the account.
    ///
    /// - Parameter evenIfOnlyWayIn: false: `.fieldTaken` when nothing else is left to sign in by.
    package func removePassword(
        _ address: EmailAddress,
        evenIfOnlyWayIn: Bool,
        actor: String,
        now: Timestamp
    ) async throws(AccountError) {
        let event = event("account.password_remove", address, actor, nil, now)
        try await remove(try await account(address), exceptSession: nil, evenIfOnlyWayIn: evenIfOnlyWayIn, event)
    }

    private func remove(
        _ account: Account,
        exceptSession family: String?,
        evenIfOnlyWayIn: Bool,
        _ event: AuditEvent
    ) async throws(AccountError) {
        let rules = try await rules(of: account.organisation)
        do throws(StoreError) {
            try await directory.removePassword(
                account.id,
                keeping: rules.history,
                exceptSession: family,
                evenIfOnlyWayIn: evenIfOnlyWayIn,
                audit: event
            )
        } catch .refused(let why) {
            throw .fieldTaken("password", why)
        } catch {
            throw .store(error)
        }
    }

    private func account(_ address: EmailAddress) async throws(AccountError) -> Account {
        let known = try await store { () async throws(StoreError) in try await directory.account(withAddress: address) }
        guard let known else { throw .noSuchAccount(address) }
        return known
    }

    private func change(
        _ account: Account,
        to password: String,
        allowWeak: Bool,
        exceptSession family: String?,
        _ event: AuditEvent
    ) async throws(AccountError) {
        let rules = try await requireAcceptable(password, for: account, allowWeak: allowWeak)
        let hash = try await hashed(password)
        try await store { () async throws(StoreError) in
            try await directory.changePassword(
                account.id,
                hash: hash,
                keeping: rules.history,
                exceptSession: family,
                audit: event
            )
        }
    }

    /// Policy, the rules of platform and organisation, and the account's history; gives those rules.
    @discardableResult
    func requireAcceptable(
        _ password: String,
        for account: Account,
        allowWeak: Bool = false
    ) async throws(AccountError) -> PasswordRules {
        let rules = try await rules(of: account.organisation)
        if let objection = try await objection(
            to: password,
            address: account.primaryAddress.canonical,
            under: rules,
            allowWeak: allowWeak
        ) {
            throw .passwordRefused(objection)
        }
        guard rules.history > 0, !allowWeak else { return rules }
        let earlier = try await store { () async throws(StoreError) in
            try await directory.passwordHistory(of: account.id, limit: rules.history + 1)
        }
        for hash in earlier {
            do throws(PasswordWork.Failure) {
                guard try await passwords.verify(password, against: hash) else { continue }
            } catch {
                throw .busy
            }
            throw .passwordRefused("the password was in use before")
        }
        return rules
    }

    /// Why the password is not acceptable for an account of the organisation; nil when it is.
    ///
    /// - Parameter organisation: nil: there is none yet, the platform's rules count.
    func objection(
        to password: String,
        address: String,
        of organisation: OrganisationID?,
        allowWeak: Bool = false
    ) async throws(AccountError) -> String? {
        try await objection(
            to: password,
            address: address,
            under: try await rules(of: organisation),
            allowWeak: allowWeak
        )
    }

    private func objection(
        to password: String,
        address: String,
        under rules: PasswordRules,
        allowWeak: Bool
    ) async throws(AccountError) -> String? {
        if let objection = PasswordPolicy.objection(to: password, address: address, allowWeak: allowWeak) {
            return objection
        }
        guard !allowWeak else { return nil }
        guard password.unicodeScalars.count >= rules.minimumLength else {
            return "the password is shorter than \(rules.minimumLength) characters"
        }
        guard rules.asksBreachedList, let isBreached = rules.isBreached else { return nil }
        do throws(PasswordWork.Failure) {
            guard try await passwords.perform({ isBreached(password) }) else { return nil }
        } catch {
            throw .busy
        }
        return "the password is on a list of passwords that attackers know"
    }
}
