package import MailModel
package import MailPorts

/// Bounds on app passwords.
package struct AppPasswordLimits: Sendable {
    /// App passwords of one account.
    package var perAccount = 50
    /// Octets of a name.
    package static let name = 100
    package init() {}
}

/// Makes, lists and revokes the passwords of mail clients.
package struct AppPasswordService: Sendable {
    private let credentials: any CredentialStore
    private let salts: SCRAMSalts
    private let limits: AppPasswordLimits

    package init(
        credentials: any CredentialStore,
        salts: SCRAMSalts,
        limits: AppPasswordLimits = AppPasswordLimits()
    ) {
        self.credentials = credentials
        self.limits = limits
        self.salts = salts
    }

    /// Makes one; its secret is given this once and cannot be had again.
    ///
    /// Throws `.fieldRefused` for a name or scopes that cannot be.
    package func add(
        to account: Account,
        name: String,
        scopes: Set<SignInScope>,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) -> (password: AppPassword, secret: AppSecret) {
        guard (1...AppPasswordLimits.name).contains(name.utf8.count),
            !name.utf8.contains(where: { $0 < 32 || $0 == 127 })
        else {
            throw .fieldRefused("name", "a name has 1 to \(AppPasswordLimits.name) octets and no control characters")
        }
        guard !scopes.isEmpty else { throw .fieldRefused("scopes", "an app password needs a scope") }
        let secret = AppSecret.random()
        let made: AppPassword
        do throws(StoreError) {
            made = try await credentials.addAppPassword(
                NewAppPassword(
                    account: account.id,
                    name: name,
                    scopes: scopes,
                    secretHash: secret.hash(for: account.id),
                    scram: secret.scramKeys(salt: salts.salt(of: account.id))
                ),
                atMost: limits.perAccount,
                audit: Self.event("app_password.add", account, actor, remote, now)
            )
        } catch .alreadyExists {
            throw .fieldTaken("name", "the account has an app password of that name")
        } catch {
            throw .store(error)
        }
        return (made, secret)
    }

    package func list(of account: AccountID) async throws(AccountError) -> [AppPassword] {
        do throws(StoreError) {
            return try await credentials.appPasswords(of: account)
        } catch {
            throw .store(error)
        }
    }

    /// Forgets it and ends the mail sessions that signed in with it, in every process.
    package func revoke(
        _ id: AppPasswordID,
        of account: Account,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) {
        do throws(StoreError) {
            try await credentials.removeAppPassword(
                id,
                of: account.id,
                audit: Self.event("app_password.revoke", account, actor, remote, now)
            )
        } catch {
            throw .store(error)
        }
    }

    private static func event(
        _ action: String,
        _ account: Account,
        _ actor: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) -> AuditEvent {
        AuditEvent(at: now, actor: actor, action: action, subject: account.primaryAddress.canonical, remote: remote)
    }
}
