import Database
package import MailModel
package import MailPorts

extension SQLStore {
    static let mailboxQuery = """
        SELECT mailboxes.mailbox_id, mailboxes.name, special_use, subscriptions.name IS NOT NULL, uid_validity, uid_next, highest_modseq,
        messages, unseen, deleted, size FROM mailboxes
        LEFT JOIN subscriptions ON subscriptions.account_id = mailboxes.account_id AND subscriptions.name = mailboxes.name
        WHERE mailboxes.account_id = $1
        """

    static func mailbox(_ row: any SQLRow) throws(StoreError) -> MailboxRecord {
        MailboxRecord(
            id: MailboxID(row.integer(0)),
            name: row.text(1),
            specialUse: row.optionalText(2).flatMap(SpecialUse.init(rawValue:)),
            isSubscribed: row.integer(3) != 0,
            uidValidity: UIDValidity(UInt32(clamping: row.integer(4))),
            uidNext: UID(UInt32(clamping: row.integer(5))),
            highestModSeq: ModSeq(row.integer(6)),
            messages: Int(row.integer(7)),
            unseen: Int(row.integer(8)),
            deleted: Int(row.integer(9)),
            size: row.integer(10)
        )
    }

    static func mailbox(
        _ id: MailboxID,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> MailboxRecord {
        let found = try connection.first(
            "\(mailboxQuery) AND mailboxes.mailbox_id = $2",
            [.integer(account.rawValue), .integer(id.rawValue)],
            mailbox
        )
        guard let found else { throw .notFound }
        return found
    }

    /// RFC 9051 §5.1: INBOX in any case of letters.
    static func canonical(_ name: String) -> String {
        let bytes = Array(EmailAddress.lowercased(name).utf8)
        guard bytes.starts(with: Array("inbox".utf8)), bytes.count == 5 || bytes[5] == 47 else { return name }
        return "INBOX" + String(decoding: Array(name.utf8)[5...], as: UTF8.self)
    }

    static func named(
        _ name: String,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> MailboxRecord? {
        try connection.first(
            "\(mailboxQuery) AND mailboxes.name = $2",
            [.integer(account.rawValue), .text(canonical(name))],
            mailbox
        )
    }

    package func mailboxes(of account: AccountID) async throws(StoreError) -> [MailboxRecord] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.mailboxQuery) ORDER BY mailboxes.mailbox_id",
                [.integer(account.rawValue)],
                Self.mailbox
            )
        }
    }

    package func mailbox(named name: String, of account: AccountID) async throws(StoreError) -> MailboxRecord {
        let found = try await database.read { connection throws(StoreError) in
            try Self.named(name, of: account, connection)
        }
        guard let found else { throw .notFound }
        return found
    }

    package func mailbox(_ id: MailboxID, of account: AccountID) async throws(StoreError) -> MailboxRecord {
        try await database.read { connection throws(StoreError) in try Self.mailbox(id, of: account, connection) }
    }

    /// Adds the row; the caller has checked the name.
    ///
    /// Only INBOX has a number of its own.
    static func insertMailbox(
        _ name: String,
        use: SpecialUse?,
        of account: AccountID,
        _ connection: any SQLConnection,
        as fixed: MailboxID? = nil
    ) throws(StoreError) -> MailboxRecord {
        // A mailbox made anew under an old name gets another UIDVALIDITY: the counter only ever grows.
        let numbers = try connection.first(
            """
            UPDATE account_counters SET next_mailbox = next_mailbox + $2, uid_validity = uid_validity + 1, modseq = modseq + 1
            WHERE account_id = $1 RETURNING next_mailbox, uid_validity, modseq
            """,
            [.integer(account.rawValue), .integer(fixed == nil ? 1 : 0)]
        ) { row throws(StoreError) in
            (id: fixed?.rawValue ?? row.integer(0) - 1, validity: row.integer(1), modSeq: row.integer(2))
        }
        guard let numbers else { throw .notFound }
        try connection.execute(
            """
            INSERT INTO mailboxes (
                account_id, mailbox_id, name, special_use, uid_validity, uid_next, highest_modseq, messages, unseen, deleted, size
            ) VALUES ($1, $2, $3, $4, $5, 1, $6, 0, 0, 0, 0)
            """,
            [
                .integer(account.rawValue), .integer(numbers.id), .text(name), .optional(use?.rawValue),
                .integer(numbers.validity),
                .integer(numbers.modSeq),
            ]
        )
        try inheritRights(MailboxID(numbers.id), name, of: account, connection)
        return try mailbox(MailboxID(numbers.id), of: account, connection)
    }

    package func create(
        _ name: String,
        specialUse: SpecialUse?,
        of account: AccountID
    ) async throws(StoreError) -> MailboxRecord {
        let name = Self.canonical(name)
        guard Self.isAllowed(name) else { throw .refused("that mailbox name is not allowed") }
        let limit = options.maximumMailboxes
        let made = try await database.write { connection throws(StoreError) in
            try Self.lock([account], connection)
            guard try Self.named(name, of: account, connection) == nil else { throw .alreadyExists }
            if let specialUse {
                let isTaken = try connection.first(
                    "SELECT 1 FROM mailboxes WHERE account_id = $1 AND special_use = $2",
                    [.integer(account.rawValue), .text(specialUse.rawValue)]
                ) { _ throws(StoreError) in true }
                guard isTaken != true else { throw .refused("another mailbox has that special use") }
            }
            let count = try connection.first(
                "SELECT COUNT(*) FROM mailboxes WHERE account_id = $1",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in
                row.integer(0)
            }
            guard count ?? 0 < Int64(limit) else {
                throw .refused("the account has \(limit) mailboxes, the most allowed")
            }
            try Self.makeParents(of: name, account, connection)
            return try Self.insertMailbox(name, use: specialUse, of: account, connection)
        }
        feed.publish([Change(account: account, mailbox: nil, modSeq: made.highestModSeq)])
        return made
    }

    /// Names of 1 to 1,000 octets, levels not empty, at most 20 of them, no control characters.
    static func isAllowed(_ name: String) -> Bool {
        let levels = name.utf8.split(separator: 47, omittingEmptySubsequences: false)
        return name.utf8.count <= 1_000 && levels.count <= 20 && levels.allSatisfy { !$0.isEmpty }
            && name.utf8.allSatisfy { $0 >= 32 && $0 != 127 && $0 != 37 && $0 != 42 }
    }

    private static func makeParents(
        of name: String,
        _ account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let levels = name.utf8.split(separator: 47).map { String(decoding: $0, as: UTF8.self) }
        for count in 1..<max(1, levels.count) {
            let parent = levels[..<count].joined(separator: "/")
            if try named(parent, of: account, connection) == nil {
                _ = try insertMailbox(parent, use: nil, of: account, connection)
            }
        }
    }

    package func delete(_ id: MailboxID, of account: AccountID) async throws(StoreError) {
        guard id != Self.inbox else { throw .refused("INBOX cannot be deleted") }
        let modSeq = try await database.write { connection throws(StoreError) in
            try Self.lock([account], connection)
            let mailbox = try Self.mailbox(id, of: account, connection)
            let key: [SQLValue] = [.integer(account.rawValue), .integer(id.rawValue)]
            try Self.releaseEmails(of: account, connection, where: "mailbox_id = $2", [.integer(id.rawValue)])
            for table in ["messages", "tombstones", "mailbox_rights", "mailboxes"] {
                try connection.post("DELETE FROM \(table) WHERE account_id = $1 AND mailbox_id = $2", key)
            }
            return try Self.nextModSeq(
                of: account,
                connection,
                freeing: (bytes: mailbox.size, messages: Int64(mailbox.messages))
            )
        }
        feed.publish([
            Change(account: account, mailbox: id, modSeq: modSeq),
            Change(account: account, mailbox: nil, modSeq: modSeq),
        ])
    }

    /// Moves the account's counter on and gives quota back.
    static func nextModSeq(
        of account: AccountID,
        _ connection: any SQLConnection,
        freeing: (bytes: Int64, messages: Int64) = (0, 0)
    ) throws(StoreError) -> ModSeq {
        let next = try connection.first(
            """
            UPDATE account_counters SET modseq = modseq + 1, used_bytes = used_bytes - $2, used_messages = used_messages - $3
            WHERE account_id = $1 RETURNING modseq
            """,
            [.integer(account.rawValue), .integer(freeing.bytes), .integer(freeing.messages)]
        ) { row throws(StoreError) in ModSeq(row.integer(0)) }
        guard let next else { throw .notFound }
        return next
    }

    package func rename(
        _ name: String,
        to newName: String,
        of account: AccountID,
        expecting id: MailboxID?
    ) async throws(StoreError) {
        let old = Self.canonical(name)
        let new = Self.canonical(newName)
        guard Self.isAllowed(new) else { throw .refused("that mailbox name is not allowed") }
        guard !Array(new.utf8).starts(with: Array("\(old)/".utf8)) || old == "INBOX" else {
            throw .refused("a mailbox cannot go below itself")
        }
        let now = clock.now()
        let changes = try await database.write { connection throws(StoreError) -> [Change] in
            try Self.lock([account], connection)
            guard let mailbox = try Self.named(old, of: account, connection), id == nil || id == mailbox.id else {
                throw .notFound
            }
            guard try Self.named(new, of: account, connection) == nil else { throw .alreadyExists }
            try Self.makeParents(of: new, account, connection)
            if mailbox.id == Self.inbox {
                // RFC 9051 §6.3.6: INBOX stays, empty; its children stay too.
                let target = try Self.insertMailbox(new, use: nil, of: account, connection)
                let mover = MessageMover(connection: connection, account: account, now: now)
                let moved = try mover.copy(.all, from: mailbox.id, to: target.id, isMove: true)
                let modSeq = try mover.expunge(.all, in: mailbox.id, onlyDeleted: false, isMove: true).modSeq
                return [
                    Change(account: account, mailbox: mailbox.id, modSeq: modSeq),
                    Change(account: account, mailbox: target.id, modSeq: moved.modSeq),
                    Change(account: account, mailbox: nil, modSeq: modSeq),
                ]
            }
            try connection.execute(
                """
                UPDATE mailboxes SET name = $3 || SUBSTR(name, LENGTH($2) + 1)
                WHERE account_id = $1 AND (name = $2 OR SUBSTR(name, 1, LENGTH($2) + 1) = $2 || '/')
                """,
                [.integer(account.rawValue), .text(old), .text(new)]
            )
            return [Change(account: account, mailbox: nil, modSeq: try Self.nextModSeq(of: account, connection))]
        }
        feed.publish(changes)
    }

    package func setSubscribed(_ name: String, _ subscribed: Bool, of account: AccountID) async throws(StoreError) {
        let name = Self.canonical(name)
        guard Self.isAllowed(name) else { throw .refused("that mailbox name is not allowed") }
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                subscribed
                    ? "INSERT INTO subscriptions (account_id, name) VALUES ($1, $2) ON CONFLICT (account_id, name) DO NOTHING"
                    : "DELETE FROM subscriptions WHERE account_id = $1 AND name = $2",
                [.integer(account.rawValue), .text(name)]
            )
        }
    }

    package func subscriptions(of account: AccountID) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT name FROM subscriptions WHERE account_id = $1 ORDER BY name",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in
                row.text(0)
            }
        }
    }
}
