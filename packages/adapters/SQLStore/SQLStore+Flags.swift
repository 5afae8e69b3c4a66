import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func setFlags(
        _ uids: UIDRanges,
        in mailbox: MailboxID,
        of account: AccountID,
        change: FlagChange,
        unchangedSince: ModSeq?
    ) async throws(StoreError) -> StoreOutcome {
        let outcome = try await database.write(of: account.rawValue) { connection throws(StoreError) in
            try FlagWriter(connection: connection, account: account, mailbox: mailbox)
                .apply(change, to: uids, unchangedSince: unchangedSince)
        }
        if let modSeq = outcome.modSeq { feed.publish([Change(account: account, mailbox: mailbox, modSeq: modSeq)]) }
        return outcome.store
    }
}

/// Changes flags by whole ranges: what each message becomes is decided on its row, written by one statement per range
/// and set of old keywords.
struct FlagWriter {
    let connection: any SQLConnection
    let account: AccountID
    let mailbox: MailboxID

    func apply(
        _ change: FlagChange,
        to uids: UIDRanges,
        unchangedSince: ModSeq?
    ) throws(StoreError) -> (store: StoreOutcome, modSeq: ModSeq?) {
        try SQLStore.lock([account], connection)
        var entries: [MessageEntry] = []
        var modified: [UID] = []
        for range in uids.ranges {
            try connection.query(
                """
                SELECT \(SQLStore.entryColumns) FROM messages WHERE account_id = $1 AND mailbox_id = $2 AND uid BETWEEN $3 AND $4 ORDER BY uid
                """,
                key + [.integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound))]
            ) { row throws(StoreError) in
                let entry = try SQLStore.entry(row)
                if let unchangedSince, entry.modSeq > unchangedSince {
                    modified.append(entry.uid)
                } else {
                    entries.append(entry)
                }
            }
        }
        if entries.isEmpty, modified.isEmpty { _ = try SQLStore.mailbox(mailbox, of: account, connection) }
        var unseen: Int64 = 0
        var deleted: Int64 = 0
        var changed: Set<String> = []
        var anyChange = false
        for index in entries.indices {
            let old = entries[index]
            let new = result(of: change, on: old)
            guard new.flags != old.flags || new.keywords != old.keywords else { continue }
            anyChange = true
            changed.insert(old.keywords.stored)
            unseen += (new.flags.contains(.seen) ? 0 : 1) - (old.flags.contains(.seen) ? 0 : 1)
            deleted += (new.flags.contains(.deleted) ? 1 : 0) - (old.flags.contains(.deleted) ? 1 : 0)
            entries[index].flags = new.flags
            entries[index].keywords = new.keywords
            entries[index].modSeq = ModSeq(0)
        }
        guard anyChange else { return (StoreOutcome(entries: entries, modified: modified), nil) }
        let modSeq = try SQLStore.nextModSeq(of: account, connection)
        for index in entries.indices where entries[index].modSeq.rawValue == 0 { entries[index].modSeq = modSeq }
        for range in uids.ranges {
            for keywords in changed { try write(change, range, oldKeywords: keywords, modSeq, unchangedSince) }
        }
        try connection.post(
            """
            UPDATE mailboxes SET highest_modseq = $3, unseen = unseen + $4, deleted = deleted + $5 WHERE account_id = $1 AND mailbox_id = $2
            """,
            key + [.integer(modSeq.rawValue), .integer(unseen), .integer(deleted)]
        )
        return (StoreOutcome(entries: entries, modified: modified), modSeq)
    }

    private var key: [SQLValue] { [.integer(account.rawValue), .integer(mailbox.rawValue)] }

    private func result(of change: FlagChange, on entry: MessageEntry) -> (flags: MessageFlags, keywords: Keywords) {
        var keywords = entry.keywords
        switch change.mode {
        case .replace:
            return (
                entry.flags.subtracting(change.scope.flags).union(change.flags),
                change.scope.hasKeywords ? change.keywords : entry.keywords
            )
        case .add:
            for name in change.keywords.names { keywords.insert(name) }
            return (entry.flags.union(change.flags), keywords)
        case .remove:
            for name in change.keywords.names { keywords.remove(name) }
            return (entry.flags.subtracting(change.flags), keywords)
        }
    }

    private func write(
        _ change: FlagChange,
        _ range: ClosedRange<UInt32>,
        oldKeywords: String,
        _ modSeq: ModSeq,
        _ unchangedSince: ModSeq?
    ) throws(StoreError) {
        let flags: String
        switch change.mode {
        case .replace where change.scope == .all: flags = "$3"
        case .replace: flags = "((flags & ~\(change.scope.flags.rawValue)) | $3)"
        case .add: flags = "(flags | $3)"
        case .remove: flags = "(flags & ~$3)"
        }
        let old = MessageEntry(
            uid: UID(1),
            flags: [],
            keywords: Keywords(stored: oldKeywords),
            modSeq: modSeq,
            email: EmailID(0),
            size: 0,
            internalDate: Timestamp(microseconds: 0),
            savedAt: Timestamp(microseconds: 0)
        )
        let newKeywords = result(of: change, on: old).keywords.stored
        try connection.post(
            """
            UPDATE messages SET flags = \(flags), keywords = $4, modseq = $5 WHERE account_id = $1 AND mailbox_id = $2
            AND uid BETWEEN $6 AND $7 AND keywords = $8 AND modseq <= $9 AND (flags <> \(flags) OR keywords <> $4)
            """,
            key + [
                .integer(Int64(change.flags.rawValue)), .text(newKeywords), .integer(modSeq.rawValue),
                .integer(Int64(range.lowerBound)),
                .integer(Int64(range.upperBound)), .text(oldKeywords),
                .integer(min(unchangedSince?.rawValue ?? Int64.max, modSeq.rawValue - 1)),
            ]
        )
    }
}
