import Database
import MailModel
import MailPorts

/// What one new message in one mailbox costs in rows; the transaction part of delivery and APPEND.
struct EmailWriter {
    let connection: any SQLConnection
    let account: AccountID
    let now: Timestamp

    struct Entry {
        var mailbox: MailboxID
        var flags: MessageFlags
        var keywords: Keywords
        var internalDate: Timestamp
        var prefix: [UInt8]
    }

    /// Counts it against the quota, numbers it and writes its rows.
    func insert(_ summary: MessageSummary, _ stored: StoredBytes, _ entry: Entry) throws(StoreError) -> (uid: UID, modSeq: ModSeq) {
        let size = stored.size + entry.prefix.count
        let counters = try connection.first(
            """
            UPDATE account_counters SET next_email = next_email + 1, next_thread = next_thread + 1, modseq = modseq + 1,
            used_bytes = used_bytes + $2, used_messages = used_messages + 1
            WHERE account_id = $1 AND (quota_bytes IS NULL OR used_bytes + $2 <= quota_bytes)
            RETURNING next_email, next_thread, modseq
            """,
            [.integer(account.rawValue), .integer(Int64(size))]
        ) { row throws(StoreError) in (email: row.integer(0) - 1, thread: row.integer(1) - 1, modSeq: row.integer(2)) }
        guard let counters else { throw try reasonForNoRoom() }
        let uid = try connection.first(
            """
            UPDATE mailboxes SET uid_next = uid_next + 1, highest_modseq = $3, messages = messages + 1, unseen = unseen + $4,
            deleted = deleted + $5, size = size + $6 WHERE account_id = $1 AND mailbox_id = $2 RETURNING uid_next
            """,
            [
                .integer(account.rawValue), .integer(entry.mailbox.rawValue), .integer(counters.modSeq),
                .integer(entry.flags.contains(.seen) ? 0 : 1), .integer(entry.flags.contains(.deleted) ? 1 : 0), .integer(Int64(size)),
            ]
        ) { row throws(StoreError) in row.integer(0) - 1 }
        guard let uid else { throw .notFound }
        guard uid > 0, uid < Int64(UInt32.max) else { throw .refused("the mailbox has no UIDs left") }
        try connection.execute(
            """
            INSERT INTO messages (account_id, mailbox_id, uid, flags, keywords, modseq, email_id, size, internal_date, saved_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            [
                .integer(account.rawValue), .integer(entry.mailbox.rawValue), .integer(uid), .integer(Int64(entry.flags.rawValue)),
                .text(entry.keywords.stored), .integer(counters.modSeq), .integer(counters.email), .integer(Int64(size)),
                .integer(entry.internalDate.microseconds), .integer(now.microseconds),
            ]
        )
        let thread = try self.thread(of: summary, orNew: counters.thread)
        try insertEmail(counters.email, thread: thread, summary, stored, prefix: entry.prefix)
        return (UID(UInt32(uid)), ModSeq(counters.modSeq))
    }

    private func insertEmail(
        _ email: Int64, thread: Int64, _ summary: MessageSummary, _ stored: StoredBytes, prefix: [UInt8]
    ) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO emails (
                account_id, email_id, thread_id, refs, blob_hash, is_inline, blob_size, prefix, received_at, envelope, body_structure,
                header_size, subject, from_text, to_text, cc_text, bcc_text, message_id, reference_ids, sent_at, has_attachment, preview
            ) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
            """,
            [
                .integer(account.rawValue), .integer(email), .integer(thread), .bytes(stored.hash), .integer(stored.inline == nil ? 0 : 1),
                .integer(Int64(stored.size)), .bytes(prefix), .integer(now.microseconds), .bytes(summary.envelope),
                .bytes(summary.bodyStructure), .integer(Int64(summary.headerSize)), .text(summary.subject), .text(summary.from),
                .text(summary.to), .text(summary.cc), .text(summary.bcc), .optional(summary.messageID),
                .text(summary.references.joined(separator: " ")), .optional(summary.sentAt?.microseconds),
                .integer(summary.hasAttachment ? 1 : 0), .text(summary.preview),
            ]
        )
        guard let inline = stored.inline else { return }
        try connection.execute(
            "INSERT INTO inline_bytes (account_id, email_id, encoding, data) VALUES ($1, $2, $3, $4)",
            [.integer(account.rawValue), .integer(email), .integer(stored.encoding.rawValue), .bytes(inline)]
        )
    }

    /// The conversation that a message it refers to is in, or a new one; remembers the message's own identifier.
    private func thread(of summary: MessageSummary, orNew new: Int64) throws(StoreError) -> Int64 {
        var thread: Int64?
        // The newest references say most; bounded because every one costs a look-up.
        for reference in summary.references.suffix(8).reversed() {
            thread = try connection.first(
                "SELECT thread_id FROM thread_references WHERE account_id = $1 AND reference_hash = $2",
                [.integer(account.rawValue), .integer(Self.hash(reference))]
            ) { row throws(StoreError) in row.integer(0) }
            if thread != nil { break }
        }
        guard let own = summary.messageID else { return thread ?? new }
        let kept = try connection.first(
            """
            INSERT INTO thread_references (account_id, reference_hash, thread_id) VALUES ($1, $2, $3)
            ON CONFLICT (account_id, reference_hash) DO UPDATE SET thread_id = thread_references.thread_id RETURNING thread_id
            """,
            [.integer(account.rawValue), .integer(Self.hash(own)), .integer(thread ?? new)]
        ) { row throws(StoreError) in row.integer(0) }
        if thread == nil, let first = summary.references.first {
            try connection.execute(
                """
                INSERT INTO thread_references (account_id, reference_hash, thread_id) VALUES ($1, $2, $3)
                ON CONFLICT (account_id, reference_hash) DO NOTHING
                """,
                [.integer(account.rawValue), .integer(Self.hash(first)), .integer(kept ?? new)]
            )
        }
        return thread ?? kept ?? new
    }

    /// FNV-1a: tells Message-IDs of one account apart.
    private static func hash(_ messageID: String) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in messageID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int64(bitPattern: hash)
    }

    /// Why the counters did not move.
    func reasonForNoRoom() throws(StoreError) -> StoreError {
        let isThere = try connection.first(
            "SELECT 1 FROM account_counters WHERE account_id = $1", [.integer(account.rawValue)]
        ) { _ throws(StoreError) in true }
        return isThere == true ? .overQuota : .notFound
    }
}

extension Keywords {
    /// As a row keeps them: sorted, separated by spaces (keywords are atoms).
    var stored: String { names.joined(separator: " ") }

    init(stored: String) {
        guard !stored.isEmpty else {
            self = .none
            return
        }
        self.init(stored.utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) })
    }
}
