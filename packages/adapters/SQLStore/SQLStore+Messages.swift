import Database
package import MailModel
package import MailPorts
package import NIOCore

extension SQLStore: MailboxStore {
    static let entryColumns = "uid, flags, keywords, modseq, email_id, size, internal_date, saved_at"

    static func entry(_ row: any SQLRow) throws(StoreError) -> MessageEntry {
        MessageEntry(
            uid: UID(UInt32(clamping: row.integer(0))),
            flags: MessageFlags(rawValue: UInt8(truncatingIfNeeded: row.integer(1))),
            keywords: Keywords(stored: row.text(2)),
            modSeq: ModSeq(row.integer(3)),
            email: EmailID(row.integer(4)),
            size: Int(row.integer(5)),
            internalDate: Timestamp(microseconds: row.integer(6)),
            savedAt: Timestamp(microseconds: row.integer(7))
        )
    }

    package func entries(in mailbox: MailboxID, of account: AccountID) async throws(StoreError) -> MailboxChanges {
        try await database.read { connection throws(StoreError) in
            let record = try Self.mailbox(mailbox, of: account, connection)
            var entries: [MessageEntry] = []
            entries.reserveCapacity(record.messages)
            try connection.query(
                "SELECT \(Self.entryColumns) FROM messages WHERE account_id = $1 AND mailbox_id = $2 ORDER BY uid",
                [.integer(account.rawValue), .integer(mailbox.rawValue)]
            ) { row throws(StoreError) in entries.append(try Self.entry(row)) }
            return MailboxChanges(mailbox: record, changed: entries, vanished: [])
        }
    }

    package func changes(
        in mailbox: MailboxID,
        of account: AccountID,
        since modSeq: ModSeq
    ) async throws(StoreError) -> MailboxChanges {
        try await database.read { connection throws(StoreError) in
            let record = try Self.mailbox(mailbox, of: account, connection)
            guard record.highestModSeq > modSeq else {
                return MailboxChanges(mailbox: record, changed: [], vanished: [])
            }
            let key: [SQLValue] = [.integer(account.rawValue), .integer(mailbox.rawValue), .integer(modSeq.rawValue)]
            let changed = try connection.all(
                "SELECT \(Self.entryColumns) FROM messages WHERE account_id = $1 AND mailbox_id = $2 AND modseq > $3 ORDER BY uid",
                key,
                Self.entry
            )
            let vanished = try connection.all(
                "SELECT uid FROM tombstones WHERE account_id = $1 AND mailbox_id = $2 AND modseq > $3 ORDER BY uid",
                key
            ) { row throws(StoreError) in UID(UInt32(clamping: row.integer(0))) }
            return MailboxChanges(mailbox: record, changed: changed, vanished: vanished)
        }
    }

    package func append(
        _ items: [AppendItem],
        to mailbox: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> AppendReceipt {
        var stored: [StoredBytes] = []
        for item in items { stored.append(try await prepare(item.bytes)) }
        let prepared = stored
        let now = clock.now()
        let outcome = try await database.write(of: account.rawValue) { connection throws(StoreError) in
            let record = try Self.mailbox(mailbox, of: account, connection)
            let writer = EmailWriter(connection: connection, account: account, now: now)
            var uids: [UID] = []
            var modSeq = record.highestModSeq
            for (item, bytes) in zip(items, prepared) {
                let made = try writer.insert(
                    item.summary,
                    bytes,
                    EmailWriter.Entry(
                        mailbox: mailbox,
                        flags: item.flags,
                        keywords: item.keywords,
                        internalDate: item.internalDate,
                        prefix: []
                    )
                )
                uids.append(made.uid)
                modSeq = made.modSeq
            }
            return (receipt: AppendReceipt(uidValidity: record.uidValidity, uids: uids), modSeq: modSeq)
        }
        feed.publish([Change(account: account, mailbox: mailbox, modSeq: outcome.modSeq)])
        return outcome.receipt
    }

    package func copy(
        _ uids: UIDRanges,
        from: MailboxID,
        to: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> CopyReceipt {
        let now = clock.now()
        let copied = try await database.write(of: account.rawValue) { connection throws(StoreError) in
            try MessageMover(connection: connection, account: account, now: now).copy(
                uids,
                from: from,
                to: to,
                isMove: false
            )
        }
        if !copied.receipt.source.isEmpty {
            feed.publish([Change(account: account, mailbox: to, modSeq: copied.modSeq)])
        }
        return copied.receipt
    }

    package func move(
        _ uids: UIDRanges,
        from: MailboxID,
        to: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> CopyReceipt {
        let now = clock.now()
        let outcome = try await database.write(of: account.rawValue) { connection throws(StoreError) in
            let mover = MessageMover(connection: connection, account: account, now: now)
            let copied = try mover.copy(uids, from: from, to: to, isMove: true)
            let expunged = try mover.expunge(
                UIDRanges(ascending: copied.receipt.source),
                in: from,
                onlyDeleted: false,
                isMove: true
            )
            return (receipt: copied.receipt, copied: copied.modSeq, expunged: expunged.modSeq)
        }
        guard !outcome.receipt.source.isEmpty else { return outcome.receipt }
        feed.publish([
            Change(account: account, mailbox: to, modSeq: outcome.copied),
            Change(account: account, mailbox: from, modSeq: outcome.expunged),
        ])
        return outcome.receipt
    }

    package func expunge(
        _ uids: UIDRanges,
        in mailbox: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> [UID] {
        let now = clock.now()
        let outcome = try await database.write(of: account.rawValue) { connection throws(StoreError) in
            try MessageMover(connection: connection, account: account, now: now)
                .expunge(uids, in: mailbox, onlyDeleted: true, isMove: false)
        }
        if !outcome.uids.isEmpty { feed.publish([Change(account: account, mailbox: mailbox, modSeq: outcome.modSeq)]) }
        return outcome.uids
    }

    package func content(
        _ uids: UIDRanges,
        in mailbox: MailboxID,
        of account: AccountID,
        fields: ContentFields,
        limit: Int
    ) async throws(StoreError) -> [MessageContent] {
        let wanted: [(ContentFields, String)] = [
            (.envelope, "envelope"), (.bodyStructure, "body_structure"), (.preview, "preview"),
            (.headers, "subject, from_text, to_text, cc_text, bcc_text, message_id, sent_at"),
        ]
        let columns = wanted.filter { fields.contains($0.0) }.map(\.1)
        let select = (["uid, messages.email_id, thread_id, header_size, has_attachment"] + columns).joined(
            separator: ", "
        )
        return try await database.read { connection throws(StoreError) in
            var found: [MessageContent] = []
            for range in uids.ranges where found.count < limit {
                try connection.query(
                    """
                    SELECT \(select) FROM messages
                    JOIN emails ON emails.account_id = messages.account_id AND emails.email_id = messages.email_id
                    WHERE messages.account_id = $1 AND mailbox_id = $2 AND uid BETWEEN $3 AND $4 ORDER BY uid LIMIT $5
                    """,
                    [
                        .integer(account.rawValue), .integer(mailbox.rawValue), .integer(Int64(range.lowerBound)),
                        .integer(Int64(range.upperBound)), .integer(Int64(limit - found.count)),
                    ]
                ) { row throws(StoreError) in found.append(Self.content(row, fields)) }
            }
            return found
        }
    }

    private static func content(_ row: any SQLRow, _ fields: ContentFields) -> MessageContent {
        var summary = MessageSummary(headerSize: Int(row.integer(3)), hasAttachment: row.integer(4) != 0)
        var column = 5
        if fields.contains(.envelope) {
            summary.envelope = row.bytes(column)
            column += 1
        }
        if fields.contains(.bodyStructure) {
            summary.bodyStructure = row.bytes(column)
            column += 1
        }
        if fields.contains(.preview) {
            summary.preview = row.text(column)
            column += 1
        }
        if fields.contains(.headers) {
            summary.subject = row.text(column)
            summary.from = row.text(column + 1)
            summary.to = row.text(column + 2)
            summary.cc = row.text(column + 3)
            summary.bcc = row.text(column + 4)
            summary.messageID = row.optionalText(column + 5)
            summary.sentAt = row.optionalInteger(column + 6).map { Timestamp(microseconds: $0) }
        }
        return MessageContent(
            uid: UID(UInt32(clamping: row.integer(0))),
            email: EmailID(row.integer(1)),
            thread: ThreadID(row.integer(2)),
            summary: summary
        )
    }

    package func read(_ email: EmailID, of account: AccountID, range: Range<Int>) async throws(StoreError) -> ByteBuffer
    {
        let found = try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT prefix, blob_size, blob_hash, encoding, data FROM emails LEFT JOIN inline_bytes
                ON inline_bytes.account_id = emails.account_id AND inline_bytes.email_id = emails.email_id AND emails.is_inline = 1
                WHERE emails.account_id = $1 AND emails.email_id = $2
                """,
                [.integer(account.rawValue), .integer(email.rawValue)]
            ) { row throws(StoreError) in
                (
                    prefix: row.bytes(0), size: Int(row.integer(1)), hash: row.bytes(2),
                    inline: row.isNull(3) ? nil : (encoding: row.integer(3), data: row.bytes(4))
                )
            }
        }
        guard let found else { throw .notFound }
        return try await read(
            prefix: found.prefix,
            size: found.size,
            hash: found.hash,
            inline: found.inline,
            range: range
        )
    }
}
