package import MailModel
package import MailPorts

/// Makes accounts and changes their passwords.
package struct AccountService: Sendable {
    let directory: any DirectoryStore
    let passwords: PasswordWork
    /// Of everybody, whatever their organisation.
    package var platformRules: PasswordRules { passwords.rules }
    let defaultQuota: Int64?

    /// `defaultQuota` is for accounts made without a quota, in octets; nil for none.
    package init(
        directory: any DirectoryStore,
        passwords: PasswordWork,
        defaultQuota: Int64? = nil
    ) {
        self.directory = directory
        self.passwords = passwords
        self.defaultQuota = defaultQuota
    }

    /// Adds an account to the organisation that has the address's domain.
    package func addAccount(
        _ address: EmailAddress,
        password: String,
        displayName: String = "",
        role: Role = .member,
        quotaBytes: Int64? = nil,
        allowWeakPassword: Bool = false,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) -> Account {
        guard
            let domain = try await store({ () async throws(StoreError) in
                try await directory.domain(named: address.domain)
            })
        else {
            throw .domainNotHosted(address.domain)
        }
        if let objection = try await objection(
            to: password,
            address: address.canonical,
            of: domain.organisation,
            allowWeak: allowWeakPassword
        ) {
            throw .passwordRefused(objection)
        }
        // Before the costly hash; the store decides again in its transaction.
        if try await store({ () async throws(StoreError) in try await directory.account(withAddress: address) }) != nil
        {
            throw .addressTaken(address)
        }
        return try await add(
            NewAccount(
                organisation: domain.organisation,
                address: address,
                displayName: displayName,
                role: role,
                passwordHash: try await hashed(password),
                quotaBytes: quotaBytes ?? defaultQuota
            ),
            event("account.add", address, actor, remote, now)
        )
    }

    /// Adds an account without a password, with an invitation: whoever spends the token chooses how to sign in to it.
    ///
    /// The address takes mail at once.
    package func addInvitedAccount(
        _ address: EmailAddress,
        displayName: String = "",
        role: Role = .member,
        quotaBytes: Int64? = nil,
        lifetimeSeconds: Int64,
        actor: String,
        now: Timestamp
    ) async throws(AccountError) -> (account: Account, token: MailToken, expiresAt: Timestamp) {
        guard
            let domain = try await store({ () async throws(StoreError) in
                try await directory.domain(named: address.domain)
            })
        else {
            throw .domainNotHosted(address.domain)
        }
        let token = MailToken.random()
        let expiresAt = now.adding(seconds: lifetimeSeconds)
        var new = NewAccount(
            organisation: domain.organisation,
            address: address,
            displayName: displayName,
            role: role,
            passwordHash: nil,
            quotaBytes: quotaBytes ?? defaultQuota
        )
        new.invitation = NewAccount.Invitation(tokenHash: token.hash(for: .invitation), expiresAt: expiresAt)
        return (try await add(new, event("account.add", address, actor, nil, now)), token, expiresAt)
    }

    /// Makes the first organisation, its domain and its administrator.
    ///
    /// Does nothing once any account of that address is there; picks up where a start that was cut short left off.
    ///
    /// Returns the account only when it was made now.
    package func bootstrap(
        admin address: EmailAddress,
        password: String,
        domains: any DomainAdministration,
        now: Timestamp
    ) async throws(AccountError) -> Account? {
        if try await store({ () async throws(StoreError) in try await directory.account(withAddress: address) }) != nil
        {
            return nil
        }
        if let objection = try await objection(to: password, address: address.canonical, of: nil) {
            throw .passwordRefused(objection)
        }
        try await store { () async throws(StoreError) in
            guard try await directory.domain(named: address.domain) == nil else { return }
            let known = try await directory.organisations().first { $0.name == address.domain }
            let organisation: Organisation
            if let known {
                organisation = known
            } else {
                organisation = try await directory.addOrganisation(
                    name: address.domain,
                    audit: AuditEvent(at: now, actor: "system", action: "organisation.add", subject: "")
                )
            }
            _ = try await domains.addDomain(
                address.domain,
                organisation: organisation.id,
                actor: "system",
                remote: nil,
                now: now
            )
        }
        return try await addAccount(address, password: password, role: .platformAdmin, actor: "system", now: now)
    }

    /// Whether the platform has no organisation yet.
    package func isFirstStart() async throws(AccountError) -> Bool {
        try await store { () async throws(StoreError) in try await directory.organisations().isEmpty }
    }

    // MARK: - Steps

    /// What is asked of new passwords of an organisation's people; nil: of those who have no organisation yet.
    package func rules(of organisation: OrganisationID?) async throws(AccountError) -> PasswordRules {
        guard let organisation else { return platformRules }
        return platformRules.under(
            try await store { () async throws(StoreError) in
                try await directory.signInPolicy(of: organisation).policy
            }
        )
    }

    func hashed(_ password: String) async throws(AccountError) -> String {
        do throws(PasswordWork.Failure) {
            return try await passwords.hash(password)
        } catch {
            throw .busy
        }
    }

    func store<Value>(_ work: () async throws(StoreError) -> Value) async throws(AccountError) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }

    private func add(_ new: NewAccount, _ audit: AuditEvent) async throws(AccountError) -> Account {
        do throws(StoreError) {
            return try await directory.addAccount(new, audit: audit)
        } catch .alreadyExists {
            throw .addressTaken(new.address)
        } catch {
            throw .store(error)
        }
    }

    func event(
        _ action: String,
        _ address: EmailAddress,
        _ actor: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) -> AuditEvent {
        AuditEvent(at: now, actor: actor, action: action, subject: address.canonical, remote: remote)
    }
}
