package import Logging
package import MailModel
package import MailPorts
import Metrics

package struct RecoveryLimits: Sendable {
    package var lifetimeSeconds: Int64 = 3_600
    /// Mails with tokens to one account while one is good: so many are kept, and whoever asks for more voids none.
    package var mails = 3
    /// Requests from one client address in an hour.
    package var requests = 20
    package static let windowSeconds = 3_600
    package init() {}
}

/// New passwords by a mail to an address that the account has proved.
///
/// Invariants: nobody learns from an answer whether an account is there; a request changes nothing of the account, so no number of
/// them locks anybody out; tokens lie as hashes and are spent once; a new password ends every session.
package struct RecoveryService: Sendable {
    private let store: any RecoveryStore
    private let directory: any DirectoryStore
    private let accounts: AccountService
    private let notices: any NoticeSending
    private let limiter: any RateLimiter
    /// The domain whose identity provider or directory the account must sign in by, if there is one: a password is of no use to it then.
    private let demandedProvider: @Sendable (Account) async throws(StoreError) -> String?
    private let limits: RecoveryLimits
    /// nil: nobody takes note of what clients do.
    private let conduct: (any ConductNoting)?
    private let logger: Logger

    package init(
        store: any RecoveryStore,
        directory: any DirectoryStore,
        accounts: AccountService,
        notices: any NoticeSending,
        limiter: any RateLimiter,
        limits: RecoveryLimits = RecoveryLimits(),
        demandedProvider: @escaping @Sendable (Account) async throws(StoreError) -> String? = { _ in nil },
        conduct: (any ConductNoting)? = nil,
        logger: Logger = Logger(label: "auth")
    ) {
        self.store = store
        self.directory = directory
        self.accounts = accounts
        self.notices = notices
        self.limiter = limiter
        self.limits = limits
        self.demandedProvider = demandedProvider
        self.conduct = conduct
        self.logger = logger
    }

    // MARK: - New passwords

    /// Mails a token to the account's recovery address, if there is such an account and it has one.
    ///
    /// The caller answers the same whatever happened, and after the same time. `.tooMany` tells of the client address only.
    package func requestReset(of text: String, remote: IPAddress?, now: Timestamp) async throws(AccountError) {
        try await count("request", remote, now)
        guard let address = EmailAddress(text) else { return }
        do throws(StoreError) {
            guard let account = try await directory.account(withAddress: address), account.status == .active,
                try await demandedProvider(account) == nil,
                let recovery = try await store.recoveryAddress(of: account.id)
            else { return }
            try await mail(.passwordReset, to: recovery, account, remote, actor: "-", now)
        } catch .unavailable(let id) {
            throw .store(.unavailable(reportID: id))
        } catch {
            logger.notice("a token was not mailed", metadata: ["error": "\(error)"])
        }
    }

    /// Spends a token for another password; ends every session, and tells the account by mail.
    package func reset(
        byToken text: String,
        to password: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        try await count("spend", remote, now)
        guard let hash = MailToken(pasted: text)?.hash(for: .passwordReset),
            let id = try await AccountError.stored({ () async throws(StoreError) in
                try await store.ticketHolder(hash, for: .passwordReset, now: now)
            })
        else {
            conduct?.noteWrong(.passwordReset, text, of: remote)
            throw Self.badToken
        }
        let holder = try await AccountError.stored { () async throws(StoreError) in try await directory.account(id) }
        guard let account = holder, account.status == .active else { throw Self.badToken }
        let provider = try await AccountError.stored { () async throws(StoreError) in
            try await demandedProvider(account)
        }
        guard provider == nil else {
            throw .notAllowed("The account signs in by its domain's identity provider or directory.")
        }
        let rules = try await accounts.requireAcceptable(password, for: account)
        let passwordHash = try await accounts.hashed(password)
        do throws(StoreError) {
            _ = try await store.resetPassword(
                byTicket: hash,
                to: passwordHash,
                keeping: rules.history,
                now: now,
                audit: event("password_reset.complete", account, "-", remote, now)
            )
        } catch .notFound {
            throw Self.badToken
        } catch {
            throw .store(error)
        }
        await tell(account, "Your password was reset", "by a token that went to your recovery address", now)
    }

    // MARK: - Recovery addresses

    package func recoveryAddress(of account: Account) async throws(AccountError) -> EmailAddress? {
        try await AccountError.stored { () async throws(StoreError) in try await store.recoveryAddress(of: account.id) }
    }

    /// Mails a token that proves the address; the caller has checked the password.
    package func begin(
        _ text: String,
        for account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        guard let address = EmailAddress(text) else {
            throw .fieldRefused("address", "This is no address.")
        }
        let holder = try await AccountError.stored { () async throws(StoreError) in
            try await directory.account(withAddress: address)
        }
        guard holder?.id != account.id else {
            throw .fieldRefused("address", "The account's own address recovers nothing.")
        }
        do throws(StoreError) {
            guard
                try await mail(
                    .recoveryAddress,
                    to: address,
                    account,
                    remote,
                    actor: account.primaryAddress.canonical,
                    now
                )
            else { throw .refused("limit") }
        } catch .refused("limit") {
            throw .tooMany(retryAfterSeconds: Int(limits.lifetimeSeconds))
        } catch .refused {
            throw .fieldRefused("address", "The address takes no mail.")
        } catch {
            throw .store(error)
        }
    }

    package func confirm(
        token text: String,
        for account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> EmailAddress {
        try await count("spend", remote, now)
        guard let token = MailToken(pasted: text) else { throw wrongToken(text, remote) }
        let address: EmailAddress
        do throws(StoreError) {
            address = try await store.confirmRecoveryAddress(
                byTicket: token.hash(for: .recoveryAddress),
                of: account.id,
                now: now,
                audit: event("recovery_address.set", account, account.primaryAddress.canonical, remote, now)
            )
        } catch .notFound {
            throw wrongToken(text, remote)
        } catch {
            throw .store(error)
        }
        await tell(account, "Your recovery address was set", "to \(address)", now)
        return address
    }

    package func remove(from account: Account, remote: IPAddress?, now: Timestamp) async throws(AccountError) {
        try await AccountError.stored { () async throws(StoreError) in
            try await store.removeRecoveryAddress(
                of: account.id,
                audit: event("recovery_address.remove", account, account.primaryAddress.canonical, remote, now)
            )
        }
        await tell(account, "Your recovery address was removed", "on your request", now)
    }

    // MARK: - Steps

    private static let badToken = AccountError.fieldRefused("token", "The token is not good; ask for another.")

    private func wrongToken(_ text: String, _ remote: IPAddress?) -> AccountError {
        conduct?.noteWrong(.recoveryAddress, text, of: remote)
        return Self.badToken
    }

    /// - Returns: false when the account has been sent as many as it may.
    @discardableResult
    private func mail(
        _ purpose: TicketPurpose,
        to address: EmailAddress,
        _ account: Account,
        _ remote: IPAddress?,
        actor: String,
        _ now: Timestamp
    ) async throws(StoreError) -> Bool {
        let key = "account_token.\(purpose.rawValue):\(account.id)"
        let window = Int(limits.lifetimeSeconds)
        guard case .allowed = await limiter.count(key, limit: limits.mails, windowSeconds: window, now: now) else {
            return false
        }
        let token = MailToken.random()
        let isReset = purpose == .passwordReset
        let action = isReset ? "password_reset.request" : "recovery_address.request"
        try await store.addTicket(
            AccountTicket(
                account: account.id,
                purpose: purpose,
                hash: token.hash(for: isReset ? .passwordReset : .recoveryAddress),
                address: address,
                expiresAt: now.adding(seconds: limits.lifetimeSeconds)
            ),
            // One more than are mailed in a window, as windows slide.
            keeping: limits.mails + 1,
            audit: event(action, account, actor, remote, now)
        )
        let why =
            isReset
            ? "Somebody asked for a new password for \(account.primaryAddress)."
            : "\(account.primaryAddress) wants to use this address to get a new password."
        try await notices.send(
            PlatformNotice(
                to: address,
                from: account.primaryAddress.domain,
                subject: isReset
                    ? "A new password for \(account.primaryAddress)" : "Recovery address of \(account.primaryAddress)",
                text: """
                    \(why)

                    The token for it, good once and for \(limits.lifetimeSeconds / 60) minutes:

                    \(token.text)

                    If it was not you, do nothing. Give the token to nobody.
                    """
            ),
            now: now
        )
        Counter(label: "oonrumail_account_tokens_mailed_total", dimensions: [("purpose", purpose.rawValue)]).increment()
        return true
    }

    /// To the account itself; a mail that is not sent undoes nothing.
    private func tell(_ account: Account, _ subject: String, _ how: String, _ now: Timestamp) async {
        do throws(StoreError) {
            try await notices.send(
                PlatformNotice(
                    to: account.primaryAddress,
                    from: account.primaryAddress.domain,
                    subject: subject,
                    text: "\(subject) \(how).\n\nIf it was not you, tell your administrator at once."
                ),
                now: now
            )
        } catch {
            logger.notice("a notice was not sent", metadata: ["error": "\(error)"])
        }
    }

    private func count(_ what: String, _ remote: IPAddress?, _ now: Timestamp) async throws(AccountError) {
        guard let remote else { return }
        let key = "password_reset.\(what):\(AccountAuthenticator.place(remote))"
        let window = RecoveryLimits.windowSeconds
        switch await limiter.count(key, limit: limits.requests, windowSeconds: window, now: now) {
        case .allowed: ()
        case .exceeded(let seconds): throw .tooMany(retryAfterSeconds: seconds)
        }
    }

    private func event(
        _ action: String,
        _ account: Account,
        _ actor: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) -> AuditEvent {
        AuditEvent(
            at: now,
            actor: actor,
            action: action,
            subject: account.primaryAddress.canonical,
            remote: remote
        )
    }
}
