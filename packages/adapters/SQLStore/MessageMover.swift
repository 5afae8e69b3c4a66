import Database
import MailModel
import MailPorts

/// Copies and removes messages inside a transaction.
///
/// A copy shares its email; quota counts every copy.
///
/// A move is a copy and an expunge that leave quota and the emails' reference counts alone.
struct MessageMover {
    let connection: any SQLConnection
    let account: AccountID
    let now: Timestamp

    private struct Row {
        var uid: Int64
        var flags: Int64
        var keywords: String
        var email: Int64
        var size: Int64
        var internalDate: Int64

        mutating func keep(_ scope: FlagScope) {
            flags &= Int64(scope.flags.rawValue)
            if !scope.hasKeywords { keywords = "" }
        }
    }

    private func rows(_ uids: UIDRanges, in mailbox: MailboxID, onlyDeleted: Bool) throws(StoreError) -> [Row] {
        var found: [Row] = []
        for range in uids.ranges {
            found += try connection.all(
                """
                SELECT uid, flags, keywords, email_id, size, internal_date FROM messages
                WHERE account_id = $1 AND mailbox_id = $2 AND uid BETWEEN $3 AND $4\(onlyDeleted ? " AND (flags & 8) <> 0" : "") ORDER BY uid
                """,
                [
                    .integer(account.rawValue), .integer(mailbox.rawValue), .integer(Int64(range.lowerBound)),
                    .integer(Int64(range.upperBound)),
                ]
            ) { row throws(StoreError) in
                Row(
                    uid: row.integer(0),
                    flags: row.integer(1),
                    keywords: row.text(2),
                    email: row.integer(3),
                    size: row.integer(4),
                    internalDate: row.integer(5)
                )
            }
        }
        return found
    }

    /// - Parameter kept: flags that the copies keep.
    func copy(
        _ uids: UIDRanges,
        from: MailboxID,
        to: MailboxID,
        isMove: Bool,
        keeping kept: FlagScope = .all
    ) throws(StoreError) -> (receipt: CopyReceipt, modSeq: ModSeq) {
        try SQLStore.lock([account], connection)
        let target = try SQLStore.mailbox(to, of: account, connection)
        _ = try SQLStore.mailbox(from, of: account, connection)
        var rows = try rows(uids, in: from, onlyDeleted: false)
        if kept != .all { for place in rows.indices { rows[place].keep(kept) } }
        guard !rows.isEmpty else {
            return (CopyReceipt(uidValidity: target.uidValidity, source: [], destination: []), target.highestModSeq)
        }
        let size = rows.reduce(0) { $0 + $1.size }
        let counted = try connection.first(
            """
            UPDATE account_counters SET modseq = modseq + 1, used_bytes = used_bytes + $2, used_messages = used_messages + $3
            WHERE account_id = $1 RETURNING modseq, \(QuotaLedger.columns)
            """,
            [.integer(account.rawValue), .integer(isMove ? 0 : size), .integer(isMove ? 0 : Int64(rows.count))]
        ) { row throws(StoreError) in (modSeq: row.integer(0), quota: QuotaLedger.counters(row, from: 1)) }
        guard let (modSeq, quota) = counted else { throw .notFound }
        if !isMove { try QuotaLedger(connection: connection, account: account).admit(quota) }
        let first = Int64(target.uidNext.rawValue)
        guard first + Int64(rows.count) < Int64(UInt32.max) else { throw .refused("the mailbox has no UIDs left") }
        for (offset, row) in rows.enumerated() {
            try connection.post(
                """
                INSERT INTO messages (account_id, mailbox_id, uid, flags, keywords, modseq, email_id, size, internal_date, saved_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                """,
                [
                    .integer(account.rawValue), .integer(to.rawValue), .integer(first + Int64(offset)),
                    .integer(row.flags),
                    .text(row.keywords), .integer(modSeq), .integer(row.email), .integer(row.size),
                    .integer(row.internalDate),
                    .integer(now.microseconds),
                ]
            )
            if isMove { continue }
            try connection.post(
                "UPDATE emails SET refs = refs + 1 WHERE account_id = $1 AND email_id = $2",
                [.integer(account.rawValue), .integer(row.email)]
            )
        }
        try connection.post(
            """
            UPDATE mailboxes SET uid_next = uid_next + $3, highest_modseq = $4, messages = messages + $3, unseen = unseen + $5,
            deleted = deleted + $6, size = size + $7 WHERE account_id = $1 AND mailbox_id = $2
            """,
            [
                .integer(account.rawValue), .integer(to.rawValue), .integer(Int64(rows.count)), .integer(modSeq),
                .integer(Int64(rows.count { $0.flags & 1 == 0 })), .integer(Int64(rows.count { $0.flags & 8 != 0 })),
                .integer(size),
            ]
        )
        let destination = rows.indices.map { UID(UInt32(first) + UInt32($0)) }
        return (
            CopyReceipt(
                uidValidity: target.uidValidity,
                source: rows.map { UID(UInt32($0.uid)) },
                destination: destination
            ), ModSeq(modSeq)
        )
    }

    func expunge(
        _ uids: UIDRanges,
        in mailbox: MailboxID,
        onlyDeleted: Bool,
        isMove: Bool
    ) throws(StoreError) -> (uids: [UID], modSeq: ModSeq) {
        try SQLStore.lock([account], connection)
        let record = try SQLStore.mailbox(mailbox, of: account, connection)
        let rows = try rows(uids, in: mailbox, onlyDeleted: onlyDeleted)
        guard !rows.isEmpty else { return ([], record.highestModSeq) }
        let size = rows.reduce(0) { $0 + $1.size }
        let modSeq = try SQLStore.nextModSeq(
            of: account,
            connection,
            freeing: isMove ? (0, 0) : (bytes: size, messages: Int64(rows.count))
        )
        for row in rows {
            let key: [SQLValue] = [.integer(account.rawValue), .integer(mailbox.rawValue), .integer(row.uid)]
            try connection.post("DELETE FROM messages WHERE account_id = $1 AND mailbox_id = $2 AND uid = $3", key)
            try connection.post(
                "INSERT INTO tombstones (account_id, mailbox_id, uid, modseq) VALUES ($1, $2, $3, $4)",
                key + [.integer(modSeq.rawValue)]
            )
            if !isMove { try SQLStore.releaseEmail(row.email, of: account, connection) }
        }
        try connection.post(
            """
            UPDATE mailboxes SET highest_modseq = $3, messages = messages - $4, unseen = unseen - $5, deleted = deleted - $6,
            size = size - $7 WHERE account_id = $1 AND mailbox_id = $2
            """,
            [
                .integer(account.rawValue), .integer(mailbox.rawValue), .integer(modSeq.rawValue),
                .integer(Int64(rows.count)),
                .integer(Int64(rows.count { $0.flags & 1 == 0 })), .integer(Int64(rows.count { $0.flags & 8 != 0 })),
                .integer(size),
            ]
        )
        return (rows.map { UID(UInt32($0.uid)) }, modSeq)
    }
}

extension SQLStore {
    /// One mailbox row fewer names the email; its rows go with the last, and the search index is to hear of it.
    ///
    /// A large blob is left to the sweep.
    static func releaseEmail(_ email: Int64, of account: AccountID, _ connection: any SQLConnection) throws(StoreError)
    {
        let key: [SQLValue] = [.integer(account.rawValue), .integer(email)]
        try connection.post("UPDATE emails SET refs = refs - 1 WHERE account_id = $1 AND email_id = $2", key)
        try connection.post(
            """
            DELETE FROM inline_bytes WHERE account_id = $1 AND email_id = $2
            AND EXISTS (SELECT 1 FROM emails WHERE account_id = $1 AND email_id = $2 AND refs <= 0)
            """,
            key
        )
        try connection.post(
            """
            INSERT INTO search_removals (account_id, email_id) SELECT account_id, email_id FROM emails
            WHERE account_id = $1 AND email_id = $2 AND refs <= 0
            AND EXISTS (SELECT 1 FROM search_cursors WHERE indexed_account = $1)
            """,
            key
        )
        try connection.post("DELETE FROM emails WHERE account_id = $1 AND email_id = $2 AND refs <= 0", key)
    }

    /// Releases every email that messages under the condition name.
    ///
    /// The condition's placeholders begin at `$2`.
    static func releaseEmails(
        of account: AccountID,
        _ connection: any SQLConnection,
        where condition: String,
        _ values: [SQLValue]
    ) throws(StoreError) {
        let emails = try connection.all(
            "SELECT email_id FROM messages WHERE account_id = $1 AND \(condition)",
            [.integer(account.rawValue)] + values
        ) { row throws(StoreError) in row.integer(0) }
        for email in emails { try releaseEmail(email, of: account, connection) }
    }
}
