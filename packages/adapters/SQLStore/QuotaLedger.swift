import Database
import MailModel
import MailPorts

/// Judges what one account's mail takes of its quota and of those above it, in the transaction that writes the mail.
///
/// The account's counters have been moved already, so its row is locked; whatever is thrown here undoes them.
struct QuotaLedger {
    let connection: any SQLConnection
    let account: AccountID

    struct Counters {
        var usedBytes: Int64
        var usedMessages: Int64
        var limits: QuotaLimits
        /// nil: nothing above the account is limited.
        var grantedBytes: Int64?
        var grantedMessages: Int64?
    }

    static let columns = """
        used_bytes, used_messages, quota_bytes, soft_bytes, quota_messages, soft_messages, granted_bytes, granted_messages
        """

    /// - Parameter start: the first of `columns` in the row.
    static func counters(_ row: any SQLRow, from start: Int) -> Counters {
        Counters(
            usedBytes: row.integer(start),
            usedMessages: row.integer(start + 1),
            limits: QuotaLimits(
                hardBytes: row.optionalInteger(start + 2),
                softBytes: row.optionalInteger(start + 3),
                hardMessages: row.optionalInteger(start + 4),
                softMessages: row.optionalInteger(start + 5)
            ),
            grantedBytes: row.optionalInteger(start + 6),
            grantedMessages: row.optionalInteger(start + 7)
        )
    }

    /// - Parameter counters: with what was added.
    /// - Throws: `.overQuota` for the account's own limits, `.levelFull` for those above it.
    func admit(_ counters: Counters) throws(StoreError) {
        let limits = counters.limits
        if let hard = limits.hardBytes, counters.usedBytes > hard { throw .overQuota }
        if let hard = limits.hardMessages, counters.usedMessages > hard { throw .overQuota }
        if counters.exceedsGrant {
            try QuotaGrants(connection: connection, account: account).enlarge(counters)
        }
        if !limits.reached(bytes: counters.usedBytes, messages: counters.usedMessages).isEmpty { try mark() }
    }

    /// The account has come near a limit of its own: there may be something to tell.
    func mark() throws(StoreError) {
        try connection.post(
            "INSERT INTO quota_marks (account_id, told) VALUES ($1, 0) ON CONFLICT (account_id) DO NOTHING",
            [.integer(account.rawValue)]
        )
    }
}

extension QuotaLedger.Counters {
    var exceedsGrant: Bool {
        if let grantedBytes, usedBytes > grantedBytes { return true }
        if let grantedMessages, usedMessages > grantedMessages { return true }
        return false
    }
}
