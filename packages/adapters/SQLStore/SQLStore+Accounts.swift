import Database
package import MailModel
package import MailPorts

extension SQLStore {
    /// The folders of a new account, INBOX first: its id is always 1.
    static let defaultMailboxes: [(name: String, use: SpecialUse?)] = [
        ("INBOX", nil), ("Drafts", .drafts), ("Sent", .sent), ("Archive", .archive), ("Junk", .junk), ("Trash", .trash),
    ]
    static let inbox = MailboxID(1)

    package func addAccount(_ account: NewAccount, audit: AuditEvent?) async throws(StoreError) -> Account {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            let made = try Self.insert(account, now, connection)
            if let audit { try Self.record(audit, connection) }
            if let invitation = account.invitation {
                try Self.invite(made, invitation, audit, now, connection)
            }
            return made
        }
    }

    /// - Parameter number: chosen before; nil: the next one.
    static func insert(
        _ account: NewAccount,
        as number: AccountID? = nil,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Account {
        try Self.requireDomain(account.address.domain, of: account.organisation, connection)
        let id: AccountID
        if let number { id = number } else { id = AccountID(try Self.next("account", connection)) }
        try Self.insertAddress(account.address, of: id, connection)
        try insertRows(
            of: account,
            as: id,
            key: account.address.canonical,
            domain: account.address.domain,
            now,
            connection
        )
        guard let made = try Self.account(id, connection) else { throw .notFound }
        return made
    }

    /// Everything of a new account but its address.
    static func insertRows(
        of account: NewAccount,
        as id: AccountID,
        key: String,
        domain: String,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO accounts (account_id, organisation_id, primary_address, domain, display_name, role, status, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, 'active', $7)
            """,
            [
                .integer(id.rawValue), .integer(account.organisation.rawValue), .text(key),
                .text(domain), .text(account.displayName), .text(account.role.rawValue),
                .integer(now.microseconds),
            ]
        )
        try connection.execute(
            "INSERT INTO credentials (account_id, password_hash, changed_at) VALUES ($1, $2, $3)",
            [.integer(id.rawValue), .text(account.passwordHash ?? noPassword), .integer(now.microseconds)]
        )
        try connection.execute(
            """
            INSERT INTO account_counters (
                account_id, next_email, next_mailbox, next_thread, modseq, uid_validity, quota_bytes, used_bytes, used_messages
            ) VALUES ($1, 1, 2, 1, 1, $2, $3, 0, 0)
            """,
            [.integer(id.rawValue), .integer(now.seconds & 0x7FFF_FFFF), .optional(account.quotaBytes)]
        )
        try Self.makeDefaultMailboxes(of: id, connection)
    }

    static func makeDefaultMailboxes(of id: AccountID, _ connection: any SQLConnection) throws(StoreError) {
        for (name, use) in defaultMailboxes {
            _ = try insertMailbox(name, use: use, of: id, connection, as: use == nil ? inbox : nil)
            try connection.execute(
                "INSERT INTO subscriptions (account_id, name) VALUES ($1, $2) ON CONFLICT (account_id, name) DO NOTHING",
                [.integer(id.rawValue), .text(name)]
            )
        }
    }

    package func account(_ id: AccountID) async throws(StoreError) -> Account? {
        try await database.read { connection throws(StoreError) in try Self.account(id, connection) }
    }

    package func account(withAddress address: EmailAddress) async throws(StoreError) -> Account? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "\(Self.accountQuery) WHERE accounts.account_id = \(Self.signInHolder)",
                [.text(address.canonical)],
                Self.account
            )
        }
    }

    package func accounts(ofDomain domain: String, after: String?, limit: Int) async throws(StoreError) -> [Account] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.accountQuery) WHERE accounts.domain = $1 AND primary_address > $2 ORDER BY primary_address LIMIT $3",
                [.text(EmailAddress.lowercased(domain)), .text(after ?? ""), .integer(Int64(limit))],
                Self.account
            )
        }
    }

    package func setAccountStatus(_ id: AccountID, _ status: Account.Status) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                "UPDATE accounts SET status = $2 WHERE account_id = $1",
                [.integer(id.rawValue), .text(status.rawValue)]
            )
            guard changed == 1 else { throw .notFound }
            if status != .active { try Self.endSignIns(of: id, nil, connection) }
        }
    }

    package func setQuota(_ id: AccountID, bytes: Int64?, audit: AuditEvent?) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let quota = try connection.first(
                "UPDATE account_counters SET quota_bytes = $2 WHERE account_id = $1 RETURNING \(QuotaLedger.columns)",
                [.integer(id.rawValue), .optional(bytes)]
            ) { row throws(StoreError) in QuotaLedger.counters(row, from: 0) }
            guard let quota else { throw .notFound }
            if !quota.limits.reached(bytes: quota.usedBytes, messages: quota.usedMessages).isEmpty {
                try QuotaLedger(connection: connection, account: id).mark()
            }
            if let audit { try Self.record(audit, connection) }
        }
    }

    package func resetAccount(_ id: AccountID, audit: AuditEvent?) async throws(StoreError) {
        let now = clock.now()
        let inbox = Self.inbox
        let changes = try await database.write { connection throws(StoreError) in
            let key: [SQLValue] = [.integer(id.rawValue)]
            try Self.lock([id], connection)
            try connection.post(
                """
                INSERT INTO search_removals (account_id, email_id) SELECT account_id, email_id FROM emails
                WHERE account_id = $1 AND EXISTS (SELECT 1 FROM search_cursors WHERE indexed_account = $1)
                """,
                key
            )
            for table in [
                "messages", "tombstones", "inline_bytes", "emails", "thread_references", "mailbox_rights", "mailboxes",
                "subscriptions",
            ] {
                try connection.post("DELETE FROM \(table) WHERE account_id = $1", key)
            }
            // RFC 9051 §2.3.1.1: mailboxes made anew under their old names need a greater UIDVALIDITY.
            let isThere = try connection.first(
                """
                UPDATE account_counters SET modseq = modseq + 1, used_bytes = 0, used_messages = 0,
                uid_validity = CASE WHEN uid_validity >= $2 THEN uid_validity + 1 ELSE $2 END WHERE account_id = $1 RETURNING modseq
                """,
                key + [.integer(now.seconds & 0x7FFF_FFFF)]
            ) { _ throws(StoreError) in true }
            guard isThere == true else { throw .notFound }
            try Self.makeDefaultMailboxes(of: id, connection)
            // After every mailbox's own, so that a session that knows an older state sees it has passed.
            let modSeq = try Self.nextModSeq(of: id, connection)
            let changes = [
                Change(account: id, mailbox: inbox, modSeq: modSeq), Change(account: id, mailbox: nil, modSeq: modSeq),
            ]
            // A command does this while the server holds sessions on the account.
            try Self.leaveNotice(of: changes, connection)
            if let audit { try Self.record(audit, connection) }
            return changes
        }
        feed.publish(changes)
    }

    // MARK: - Rows

    /// The status that counts: the account's own, unless its domain or its organisation says less.
    static let accountStatus = """
        CASE WHEN accounts.status <> 'active' THEN accounts.status WHEN domains.status = 'deleted'
        OR organisations.status = 'suspended' THEN 'suspended' ELSE accounts.status END
        """

    /// Of the row of `accounts` around it.
    private static let passwordColumn = """
        CASE WHEN EXISTS (
            SELECT 1 FROM credentials WHERE credentials.account_id = accounts.account_id AND password_hash <> '\(noPassword)'
        ) THEN 1 ELSE 0 END
        """

    static let accountQuery = accountRows(with: "")

    /// - Parameter more: columns behind those of the account, each with a comma before it.
    static func accountRows(with more: String) -> String {
        """
        SELECT accounts.account_id, accounts.organisation_id, addresses.written, display_name, role, \(accountStatus),
        quota_bytes, used_bytes, used_messages, accounts.created_at, \(passwordColumn)\(more) FROM accounts
        LEFT JOIN domains ON domains.name = accounts.domain
        LEFT JOIN organisations ON organisations.organisation_id = accounts.organisation_id
        JOIN account_counters ON account_counters.account_id = accounts.account_id
        JOIN addresses ON addresses.address = accounts.primary_address
        """
    }

    static func account(_ id: AccountID, _ connection: any SQLConnection) throws(StoreError) -> Account? {
        try connection.first("\(accountQuery) WHERE accounts.account_id = $1", [.integer(id.rawValue)], account)
    }

    static func account(_ row: any SQLRow) throws(StoreError) -> Account {
        Account(
            id: AccountID(row.integer(0)),
            organisation: OrganisationID(row.integer(1)),
            primaryAddress: address(row.text(2)),
            displayName: row.text(3),
            role: Role(rawValue: row.text(4)) ?? .member,
            status: Account.Status(rawValue: row.text(5)) ?? .suspended,
            quotaBytes: row.optionalInteger(6),
            usedBytes: row.integer(7),
            usedMessages: row.integer(8),
            createdAt: Timestamp(microseconds: row.integer(9)),
            hasPassword: row.integer(10) == 1
        )
    }
}
