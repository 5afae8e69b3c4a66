import Database
package import MailModel
package import MailPorts

extension SQLStore: MailboxSharingStore {
    // MARK: - Reading

    package func sharedMailboxes(with reader: AccountID) async throws(StoreError) -> [SharedMailbox] {
        let rows = try await database.read { connection throws(StoreError) in
            try connection.all(Self.sharedQuery, [.integer(reader.rawValue)], Self.shared)
        }
        return Self.joined(rows)
    }

    package func sharedMailbox(
        named name: String,
        ofOwner owner: EmailAddress,
        with reader: AccountID
    ) async throws(StoreError) -> SharedMailbox? {
        let rows = try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.sharedQuery) AND accounts.primary_address = $2 AND mailboxes.name = $3",
                [.integer(reader.rawValue), .text(owner.canonical), .text(Self.canonical(name))],
                Self.shared
            )
        }
        return Self.joined(rows).first
    }

    package func sharedMailbox(
        _ mailbox: MailboxID,
        of owner: AccountID,
        with reader: AccountID
    ) async throws(StoreError) -> SharedMailbox? {
        let rows = try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.sharedQuery) AND mailbox_rights.account_id = $2 AND mailbox_rights.mailbox_id = $3",
                [.integer(reader.rawValue), .integer(owner.rawValue), .integer(mailbox.rawValue)],
                Self.shared
            )
        }
        return Self.joined(rows).first
    }

    /// `$1` is the reader.
    ///
    /// The owner's organisation and standing are looked at here, so that no way to a mailbox passes by them.
    private static let sharedQuery = """
        SELECT mailboxes.mailbox_id, mailboxes.name, NULL, 0, uid_validity, uid_next, highest_modseq, messages, unseen, deleted, size,
        mailbox_rights.account_id, addresses.written, shared_accounts.account_id IS NOT NULL, mailbox_rights.rights
        FROM accounts AS reader
        JOIN mailbox_rights ON mailbox_rights.grantee_id IN (reader.account_id, -reader.organisation_id)
        JOIN accounts ON accounts.account_id = mailbox_rights.account_id AND accounts.organisation_id = reader.organisation_id
        JOIN addresses ON addresses.address = accounts.primary_address
        JOIN mailboxes ON mailboxes.account_id = mailbox_rights.account_id AND mailboxes.mailbox_id = mailbox_rights.mailbox_id
        LEFT JOIN domains ON domains.name = accounts.domain
        LEFT JOIN organisations ON organisations.organisation_id = accounts.organisation_id
        LEFT JOIN shared_accounts ON shared_accounts.account_id = accounts.account_id
        WHERE reader.account_id = $1 AND accounts.account_id <> $1 AND \(accountStatus) = 'active'
        """

    private static func shared(_ row: any SQLRow) throws(StoreError) -> SharedMailbox {
        SharedMailbox(
            owner: AccountID(row.integer(11)),
            ownerAddress: address(row.text(12)),
            isTeam: row.integer(13) != 0,
            record: try mailbox(row),
            rights: MailboxRights(rawValue: row.integer(14)).intersection(.all)
        )
    }

    /// One for each mailbox: rights of one's own and those of everybody are held together.
    private static func joined(_ rows: [SharedMailbox]) -> [SharedMailbox] {
        struct Key: Hashable {
            var owner: AccountID
            var mailbox: MailboxID
        }
        var found: [Key: SharedMailbox] = [:]
        for row in rows {
            let key = Key(owner: row.owner, mailbox: row.record.id)
            if found[key]?.rights.formUnion(row.rights) == nil { found[key] = row }
        }
        return found.values.filter { !$0.rights.isEmpty }
    }

    package func grants(in mailbox: MailboxID, of owner: AccountID) async throws(StoreError) -> [MailboxGrant] {
        try await database.read { connection throws(StoreError) in
            _ = try Self.mailbox(mailbox, of: owner, connection)
            return try connection.all(
                """
                SELECT grantee_id, addresses.written, rights FROM mailbox_rights
                JOIN accounts AS owner ON owner.account_id = mailbox_rights.account_id
                LEFT JOIN accounts AS grantee ON grantee.account_id = grantee_id AND grantee.organisation_id = owner.organisation_id
                LEFT JOIN addresses ON addresses.address = grantee.primary_address
                WHERE mailbox_rights.account_id = $1 AND mailbox_id = $2
                AND (grantee_id = -owner.organisation_id OR grantee.account_id IS NOT NULL) ORDER BY grantee_id
                """,
                [.integer(owner.rawValue), .integer(mailbox.rawValue)]
            ) { row throws(StoreError) in
                MailboxGrant(
                    identifier: row.integer(0) < 0 ? .anyone : .account(AccountID(row.integer(0))),
                    address: row.optionalText(1).map { Self.address($0) },
                    rights: MailboxRights(rawValue: row.integer(2))
                )
            }
        }
    }

    // MARK: - Changing

    package func changeRights(
        _ change: RightsChange,
        of identifier: MailboxIdentifier,
        in mailbox: MailboxID,
        of owner: AccountID,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> MailboxRights {
        let outcome = try await database.write { connection throws(StoreError) in
            try Self.lock([owner], connection)
            let record = try Self.mailbox(mailbox, of: owner, connection)
            let grantee = try Self.grantee(identifier, of: owner, connection)
            let key: [SQLValue] = [.integer(owner.rawValue), .integer(mailbox.rawValue)]
            let known = try connection.all(
                "SELECT grantee_id, rights FROM mailbox_rights WHERE account_id = $1 AND mailbox_id = $2",
                key
            ) { row throws(StoreError) in (grantee: row.integer(0), rights: MailboxRights(rawValue: row.integer(1))) }
            let before = known.first { $0.grantee == grantee.id }?.rights ?? []
            let after = change.applied(to: before)
            guard !before.isEmpty || after.isEmpty || known.count < limit else {
                throw .refused("a mailbox is shared with at most \(limit)")
            }
            if after.isEmpty {
                try connection.execute(
                    "DELETE FROM mailbox_rights WHERE account_id = $1 AND mailbox_id = $2 AND grantee_id = $3",
                    key + [.integer(grantee.id)]
                )
            } else {
                try connection.execute(
                    """
                    INSERT INTO mailbox_rights (account_id, mailbox_id, grantee_id, rights) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (account_id, mailbox_id, grantee_id) DO UPDATE SET rights = $4
                    """,
                    key + [.integer(grantee.id), .integer(after.rawValue)]
                )
            }
            // Turns are taken in one order: of notices, then of the audit.
            let changes = before == after ? [] : try Self.tellSessions(of: mailbox, owner, connection)
            var audit = audit
            audit.detail =
                AuditDetail().adding("mailbox", record.name).adding("identifier", grantee.name)
                .changing("rights", from: before.description, to: after.description).text
            try Self.record(audit, connection)
            return (rights: after, changes: changes)
        }
        if !outcome.changes.isEmpty { feed.publish(outcome.changes) }
        return outcome.rights
    }

    /// The number under which rows keep an identifier, and what the audit calls it.
    private static func grantee(
        _ identifier: MailboxIdentifier,
        of owner: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (id: Int64, name: String) {
        let found: (id: Int64, name: String)?
        switch identifier {
        case .anyone:
            found = try connection.first(
                "SELECT -organisation_id FROM accounts WHERE account_id = $1",
                [.integer(owner.rawValue)]
            ) { row throws(StoreError) in (row.integer(0), "anyone") }
        case .account(let account):
            guard account != owner else { throw .refused("the owner has every right in its mailboxes") }
            found = try connection.first(
                """
                SELECT grantee.account_id, grantee.primary_address FROM accounts AS owner
                JOIN accounts AS grantee ON grantee.organisation_id = owner.organisation_id
                WHERE owner.account_id = $1 AND grantee.account_id = $2
                """,
                [.integer(owner.rawValue), .integer(account.rawValue)]
            ) { row throws(StoreError) in (row.integer(0), row.text(1)) }
        }
        guard let found else { throw .notFound }
        return found
    }

    /// Sessions that have the mailbox selected look at their rights anew, in whichever process they are.
    private static func tellSessions(
        of mailbox: MailboxID,
        _ owner: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> [Change] {
        let modSeq = try nextModSeq(of: owner, connection)
        try connection.execute(
            "UPDATE mailboxes SET highest_modseq = $3 WHERE account_id = $1 AND mailbox_id = $2",
            [.integer(owner.rawValue), .integer(mailbox.rawValue), .integer(modSeq.rawValue)]
        )
        let changes = [Change(account: owner, mailbox: mailbox, modSeq: modSeq)]
        try leaveNotice(of: changes, connection)
        return changes
    }

    /// A new mailbox begins with the rights of the one that it is below; in an account without sign-in, whose INBOX stands for
    /// the whole, one at the top with those of INBOX.
    static func inheritRights(
        _ mailbox: MailboxID,
        _ name: String,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let slash = name.utf8.lastIndex(of: 47)
        let parent = slash.map { String(decoding: name.utf8[..<$0], as: UTF8.self) } ?? "INBOX"
        guard name != parent else { return }
        let onlyTeams =
            slash == nil ? " AND EXISTS (SELECT 1 FROM shared_accounts WHERE shared_accounts.account_id = $1)" : ""
        try connection.post(
            """
            INSERT INTO mailbox_rights (account_id, mailbox_id, grantee_id, rights)
            SELECT account_id, $2, grantee_id, rights FROM mailbox_rights WHERE account_id = $1
            AND mailbox_id = (SELECT mailbox_id FROM mailboxes WHERE account_id = $1 AND name = $3)\(onlyTeams)
            """,
            [.integer(account.rawValue), .integer(mailbox.rawValue), .text(parent)]
        )
    }
}
