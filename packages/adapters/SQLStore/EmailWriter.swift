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
    func insert(
        _ summary: MessageSummary,
        _ stored: StoredBytes,
        _ entry: Entry
    ) throws(StoreError) -> (uid: UID, modSeq: ModSeq) {
        let size = stored.size + entry.prefix.count
        let numbers = try numbers(for: summary, entry, size: size)
        guard let counters = numbers.counters, let quota = numbers.quota else { throw .notFound }
        try QuotaLedger(connection: connection, account: account).admit(quota)
        guard let uid = numbers.uid else { throw .notFound }
        guard uid > 0, uid < Int64(UInt32.max) else { throw .refused("the mailbox has no UIDs left") }
        try connection.post(
            """
            INSERT INTO messages (account_id, mailbox_id, uid, flags, keywords, modseq, email_id, size, internal_date, saved_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            [
                .integer(account.rawValue), .integer(entry.mailbox.rawValue), .integer(uid),
                .integer(Int64(entry.flags.rawValue)),
                .text(entry.keywords.stored), .integer(counters.modSeq), .integer(counters.email),
                .integer(Int64(size)),
                .integer(entry.internalDate.microseconds), .integer(now.microseconds),
            ]
        )
        let thread = try thread(of: summary, known: numbers.threads, orNew: counters.thread)
        try insertEmail(counters.email, thread: thread, summary, stored, prefix: entry.prefix)
        return (UID(UInt32(uid)), ModSeq(counters.modSeq))
    }

    private struct Numbers {
        /// nil when the account is not there.
        var counters: (email: Int64, thread: Int64, modSeq: Int64)?
        var quota: QuotaLedger.Counters?
        /// nil when the mailbox is not there.
        var uid: Int64?
        /// Conversations by the hashes of their references.
        var threads: [Int64: Int64] = [:]
    }

    /// Everything that the rows need to know, in one round trip.
    ///
    /// The account's row stays locked from its first statement on, so what is read after it cannot change before the
    /// commit.
    private func numbers(for summary: MessageSummary, _ entry: Entry, size: Int) throws(StoreError) -> Numbers {
        var statements = [
            SQLStatement(
                """
                UPDATE account_counters SET next_email = next_email + 1, next_thread = next_thread + 1, modseq = modseq + 1,
                used_bytes = used_bytes + $2, used_messages = used_messages + 1
                WHERE account_id = $1 RETURNING next_email, next_thread, modseq, \(QuotaLedger.columns)
                """,
                [.integer(account.rawValue), .integer(Int64(size))]
            ),
            SQLStatement(
                """
                UPDATE mailboxes SET uid_next = uid_next + 1,
                highest_modseq = (SELECT modseq FROM account_counters WHERE account_id = $1), messages = messages + 1,
                unseen = unseen + $3, deleted = deleted + $4, size = size + $5 WHERE account_id = $1 AND mailbox_id = $2
                RETURNING uid_next
                """,
                [
                    .integer(account.rawValue), .integer(entry.mailbox.rawValue),
                    .integer(entry.flags.contains(.seen) ? 0 : 1),
                    .integer(entry.flags.contains(.deleted) ? 1 : 0), .integer(Int64(size)),
                ]
            ),
        ]
        for reference in Self.references(of: summary) + [summary.messageID].compactMap({ $0 }) {
            statements.append(
                SQLStatement(
                    "SELECT reference_hash, thread_id FROM thread_references WHERE account_id = $1 AND reference_hash = $2",
                    [.integer(account.rawValue), .integer(Self.hash(reference))]
                )
            )
        }
        var numbers = Numbers()
        try connection.queryEach(statements) { place, row throws(StoreError) in
            switch place {
            case 0:
                numbers.counters = (email: row.integer(0) - 1, thread: row.integer(1) - 1, modSeq: row.integer(2))
                numbers.quota = QuotaLedger.counters(row, from: 3)
            case 1: numbers.uid = row.integer(0) - 1
            case _: numbers.threads[row.integer(0)] = row.integer(1)
            }
        }
        return numbers
    }

    /// The newest references say most; bounded because every one costs a look-up.
    private static func references(of summary: MessageSummary) -> [String] { summary.references.suffix(8).reversed() }

    private func insertEmail(
        _ email: Int64,
        thread: Int64,
        _ summary: MessageSummary,
        _ stored: StoredBytes,
        prefix: [UInt8]
    ) throws(StoreError) {
        try connection.post(
            """
            INSERT INTO emails (
                account_id, email_id, thread_id, refs, blob_hash, is_inline, blob_size, prefix, received_at, envelope, body_structure,
                header_size, subject, from_text, to_text, cc_text, bcc_text, message_id, reference_ids, sent_at, has_attachment, preview
            ) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
            """,
            [
                .integer(account.rawValue), .integer(email), .integer(thread), .bytes(stored.hash),
                .integer(stored.inline == nil ? 0 : 1),
                .integer(Int64(stored.size)), .bytes(prefix), .integer(now.microseconds), .bytes(summary.envelope),
                .bytes(summary.bodyStructure), .integer(Int64(summary.headerSize)), .text(summary.subject),
                .text(summary.from),
                .text(summary.to), .text(summary.cc), .text(summary.bcc), .optional(summary.messageID),
                .text(summary.references.joined(separator: " ")), .optional(summary.sentAt?.microseconds),
                .integer(summary.hasAttachment ? 1 : 0), .text(summary.preview),
            ]
        )
        guard let inline = stored.inline else { return }
        try connection.post(
            "INSERT INTO inline_bytes (account_id, email_id, encoding, data) VALUES ($1, $2, $3, $4)",
            [.integer(account.rawValue), .integer(email), .integer(stored.encoding.rawValue), .bytes(inline)]
        )
    }

    /// The conversation that a message it refers to is in, or a new one; remembers the message's own identifier.
    private func thread(
        of summary: MessageSummary,
        known: [Int64: Int64],
        orNew new: Int64
    ) throws(StoreError) -> Int64 {
        let referred = Self.references(of: summary).lazy.compactMap { known[Self.hash($0)] }.first
        guard let own = summary.messageID else { return referred ?? new }
        let thread = referred ?? known[Self.hash(own)] ?? new
        if known[Self.hash(own)] == nil { try remember(own, in: thread) }
        // Answers to a message that has not come yet meet at it.
        if referred == nil, let first = summary.references.first { try remember(first, in: thread) }
        return thread
    }

    private func remember(_ messageID: String, in thread: Int64) throws(StoreError) {
        try connection.post(
            """
            INSERT INTO thread_references (account_id, reference_hash, thread_id) VALUES ($1, $2, $3)
            ON CONFLICT (account_id, reference_hash) DO NOTHING
            """,
            [.integer(account.rawValue), .integer(Self.hash(messageID)), .integer(thread)]
        )
    }

    /// FNV-1a: tells Message-IDs of one account apart.
    private static func hash(_ messageID: String) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in messageID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int64(bitPattern: hash)
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
