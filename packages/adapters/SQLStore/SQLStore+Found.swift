import Database
package import MailModel
package import MailPorts

extension SQLStore {
    /// Messages that one call may ask for.
    private static let maximumFound = 500
    /// Numbers of placeholders: few, so that statements are prepared once.
    private static let foundSizes = [10, 50, 200, maximumFound]

    package func found(_ emails: [EmailID], of account: AccountID) async throws(StoreError) -> [FoundMessage] {
        guard let last = emails.last else { return [] }
        guard let size = Self.foundSizes.first(where: { $0 >= emails.count }) else {
            throw .refused("\(Self.maximumFound) messages at most are looked up at once")
        }
        let padded = emails + Array(repeating: last, count: size - emails.count)
        let places = (0..<size).map { "$\($0 + 2)" }.joined(separator: ", ")
        let found = try await database.read { connection throws(StoreError) in
            var found: [EmailID: FoundMessage] = [:]
            try connection.query(
                """
                SELECT emails.email_id, thread_id, subject, from_text, to_text, preview, received_at, sent_at,
                LENGTH(prefix) + blob_size, has_attachment, mailboxes.mailbox_id, mailboxes.name, messages.uid, messages.flags
                FROM emails JOIN messages ON messages.account_id = emails.account_id AND messages.email_id = emails.email_id
                JOIN mailboxes ON mailboxes.account_id = messages.account_id AND mailboxes.mailbox_id = messages.mailbox_id
                WHERE emails.account_id = $1 AND emails.email_id IN (\(places)) ORDER BY messages.mailbox_id, messages.uid
                """,
                [.integer(account.rawValue)] + padded.map { .integer($0.rawValue) }
            ) { row throws(StoreError) in
                let place = FoundMessage.Place(
                    mailbox: MailboxID(row.integer(10)),
                    name: row.text(11),
                    uid: UID(UInt32(row.integer(12))),
                    flags: MessageFlags(rawValue: UInt8(truncatingIfNeeded: row.integer(13)))
                )
                found[EmailID(row.integer(0)), default: Self.foundMessage(row)].places.append(place)
            }
            return found
        }
        return emails.compactMap { found[$0] }
    }

    private static func foundMessage(_ row: any SQLRow) -> FoundMessage {
        FoundMessage(
            email: EmailID(row.integer(0)),
            thread: ThreadID(row.integer(1)),
            subject: row.text(2),
            from: row.text(3),
            to: row.text(4),
            preview: row.text(5),
            receivedAt: Timestamp(microseconds: row.integer(6)),
            sentAt: row.optionalInteger(7).map { Timestamp(microseconds: $0) },
            size: Int(row.integer(8)),
            hasAttachment: row.integer(9) != 0,
            places: []
        )
    }
}
