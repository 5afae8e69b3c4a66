package import MailModel

/// What a token that went by mail is good for.
package enum TicketPurpose: String, Sendable {
    case passwordReset = "password-reset"
    case recoveryAddress = "recovery-address"
}

/// A token that went by mail; only its hash is kept, and it is spent once.
package struct AccountTicket: Sendable {
    package var account: AccountID
    package var purpose: TicketPurpose
    /// SHA-256, 32 octets.
    package var hash: [UInt8]
    /// The address that it proves, or went to.
    package var address: EmailAddress
    package var expiresAt: Timestamp
    package init(
        account: AccountID,
        purpose: TicketPurpose,
        hash: [UInt8],
        address: EmailAddress,
        expiresAt: Timestamp
    ) {
        self.account = account
        self.purpose = purpose
        self.hash = hash
        self.address = address
        self.expiresAt = expiresAt
    }
}

/// Recovery addresses of accounts, and tokens that went by mail.
package protocol RecoveryStore: Sendable {
    /// The proved one.
    func recoveryAddress(of account: AccountID) async throws(StoreError) -> EmailAddress?
    /// Keeps a token; of one account and purpose the newest `keeping` stay, and what has expired goes.
    func addTicket(_ ticket: AccountTicket, keeping limit: Int, audit: AuditEvent) async throws(StoreError)
    /// Whose token it is; nil when it is unknown, spent or expired.
    func ticketHolder(
        _ hash: [UInt8],
        for purpose: TicketPurpose,
        now: Timestamp
    ) async throws(StoreError) -> AccountID?
    /// Spends a token of the account that proves its recovery address, which it then is; tokens for new passwords that went to the
    /// old one are void. `.notFound` when it is not the account's, or not good.
    func confirmRecoveryAddress(
        byTicket hash: [UInt8],
        of account: AccountID,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> EmailAddress
    /// With the tokens that went to it. `.notFound` when there is none.
    func removeRecoveryAddress(of account: AccountID, audit: AuditEvent) async throws(StoreError)
    /// Spends a token and sets the password; every session of the account ends, whatever it signed in with.
    ///
    /// The old password's hash joins the history. `.notFound` when the token is not good by now.
    func resetPassword(
        byTicket hash: [UInt8],
        to passwordHash: String,
        keeping history: Int,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> AccountID
}
