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

    private func change(
        _ account: Account,
        to password: String,
        allowWeak: Bool,
        exceptSession family: String?
    ) async throws(AccountError) {
        if let objection = try await objection(
            to: password,
            address: account.primaryAddress.canonical,
            allowWeak: allowWeak
        ) {
            throw .passwordRefused(objection)
        }
        if rules.history > 0, !allowWeak {
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
        }
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

    /// Why the password is not acceptable under the policy and the operator's rules; nil when it is.
    func objection(
        to password: String,
        address: String,
        allowWeak: Bool
    ) async throws(AccountError) -> String? {
        if let objection = PasswordPolicy.objection(to: password, address: address, allowWeak: allowWeak) {
            return objection
        }
        guard !allowWeak else { return nil }
        guard password.unicodeScalars.count >= rules.minimumLength else {
            return "the password is shorter than \(rules.minimumLength) characters"
        }
        do throws(PasswordWork.Failure) {
            let isBreached = rules.isBreached
            guard try await passwords.perform({ isBreached(password) }) else { return nil }
        } catch {
            throw .busy
        }
        return "the password is on a list of passwords that attackers know"
    }
}
