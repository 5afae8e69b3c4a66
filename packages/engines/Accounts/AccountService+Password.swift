import MailCrypto
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
        guard
            let account = try await store({ () async throws(StoreError) in
                try await directory.account(withAddress: address)
            })
        else {
            throw .noSuchAccount(address)
        }
        try await change(account, to: password, allowWeak: allowWeak, exceptSession: nil)
        await audit("account.password", address, actor, remote, now)
    }

    /// Changes one's own password; the caller has checked the old one.
    ///
    /// Ends every other session, and mail sessions that signed in with the old password.
    package func changeOwnPassword(
        of account: Account,
        to password: String,
        keepingSession family: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        try await change(account, to: password, allowWeak: false, exceptSession: family)
        let address = account.primaryAddress
        await audit("account.password", address, address.canonical, remote, now)
    }

    /// The hash of a password that nobody knows, for accounts that sign in by other means.
    ///
    /// - Throws: `.unavailable` while too many passwords are being hashed.
    package func unknownPasswordHash() async throws(StoreError) -> String {
        do throws(PasswordWork.Failure) {
            return try await passwords.hash(Base64URL.encode(SecureRandom.bytes(32)))
        } catch {
            throw .unavailable(reportID: "password-work")
        }
    }

    private func change(
        _ account: Account,
        to password: String,
        allowWeak: Bool,
        exceptSession family: String?
    ) async throws(AccountError) {
        let rules = try await requireAcceptable(password, for: account, allowWeak: allowWeak)
        let hash = try await hashed(password)
        try await store { () async throws(StoreError) in
            try await directory.changePassword(
                account.id,
                hash: hash,
                keeping: rules.history,
                exceptSession: family
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
