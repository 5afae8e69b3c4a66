import Database
import MailModel
import MailPorts
import NIOCore

/// Checks what must always hold between rows, counters and bytes.
///
/// Each account is read at one moment, so it may run
/// beside a server; what it reads of blobs is looked at again before it is reported.
struct StoreVerifier {
    let store: SQLStore
    var report = VerifyReport()
    /// Findings that were not kept.
    var unlisted = 0
    /// Findings that are kept.
    static let maximumFindings = 1_000

    init(_ store: SQLStore) { self.store = store }

    mutating func run() async throws(StoreError) -> VerifyReport {
        note(try await store.database.checkIntegrity().map { "database: \($0)" })
        note(try await store.database.read { connection throws(StoreError) in try Self.directoryFindings(connection) })
        var after: Int64 = -1
        while true {
            let start = after
            let accounts = try await store.database.read { connection throws(StoreError) in
                try connection.all(
                    "SELECT account_id FROM account_counters WHERE account_id > $1 ORDER BY account_id LIMIT 500",
                    [.integer(start)]
                ) { row throws(StoreError) in AccountID(row.integer(0)) }
            }
            guard let last = accounts.last else { break }
            for account in accounts { try await check(account) }
            after = last.rawValue
        }
        note(try await store.database.read { connection throws(StoreError) in try Self.strayFindings(connection) })
        note(
            try await store.database.read { connection throws(StoreError) in
                try connection.all(QuotaCount.grantFindings) { row throws(StoreError) in "quota: \(row.text(0))" }
            }
        )
        try await checkQueue()
        try await checkBlobs()
        if unlisted > 0 { report.findings.append("and \(unlisted) more findings") }
        return report
    }

    mutating func note(_ findings: [String]) {
        let room = max(0, Self.maximumFindings - report.findings.count)
        report.findings += findings.prefix(room)
        unlisted += max(0, findings.count - room)
    }

    private mutating func check(_ account: AccountID) async throws(StoreError) {
        let found = try await store.database.read { connection throws(StoreError) in
            let key: [SQLValue] = [.integer(account.rawValue)]
            var findings: [String] = []
            for rule in AccountRules.all {
                findings += try connection.all(rule.sql, key) { row throws(StoreError) in
                    "account \(account): \(rule.says(row))"
                }
            }
            let counts = try connection.first(
                """
                SELECT (SELECT COUNT(*) FROM mailboxes WHERE account_id = $1), (SELECT COUNT(*) FROM messages WHERE account_id = $1)
                """,
                key
            ) { row throws(StoreError) in (mailboxes: Int(row.integer(0)), messages: Int(row.integer(1))) }
            return (findings: findings, mailboxes: counts?.mailboxes ?? 0, messages: counts?.messages ?? 0)
        }
        report.accounts += 1
        report.mailboxes += found.mailboxes
        report.messages += found.messages
        note(found.findings)
        try await checkInlineBytes(of: account)
    }

    // MARK: - Bytes

    private mutating func checkInlineBytes(of account: AccountID) async throws(StoreError) {
        var after: Int64 = -1
        while true {
            let start = after
            let page = try await store.database.read { connection throws(StoreError) in
                var last: Int64?
                let findings = try connection.all(
                    """
                    SELECT emails.email_id, blob_hash, blob_size, encoding, data FROM emails JOIN inline_bytes
                    ON inline_bytes.account_id = emails.account_id AND inline_bytes.email_id = emails.email_id
                    WHERE emails.account_id = $1 AND emails.email_id > $2 AND is_inline = 1 ORDER BY emails.email_id LIMIT 200
                    """,
                    [.integer(account.rawValue), .integer(start)]
                ) { row throws(StoreError) -> String? in
                    last = row.integer(0)
                    let problem = StoredBytes.problem(
                        hash: row.bytes(1),
                        size: Int(row.integer(2)),
                        encoding: row.integer(3),
                        inline: row.bytes(4)
                    )
                    return problem.map { "account \(account): email \(row.integer(0)): \($0)" }
                }
                return (findings: findings.compactMap { $0 }, last: last)
            }
            note(page.findings)
            guard let last = page.last else { return }
            after = last
        }
    }

    private mutating func checkQueue() async throws(StoreError) {
        var after = ""
        while true {
            let start = after
            let page = try await store.database.read { connection throws(StoreError) in
                var last: String?
                let findings = try connection.all(
                    """
                    SELECT queue_id, blob_hash, size, encoding, data FROM queue_messages WHERE queue_id > $1 AND data IS NOT NULL
                    ORDER BY queue_id LIMIT 200
                    """,
                    [.text(start)]
                ) { row throws(StoreError) -> String? in
                    last = row.text(0)
                    let problem = StoredBytes.problem(
                        hash: row.bytes(1),
                        size: Int(row.integer(2)),
                        encoding: row.integer(3),
                        inline: row.bytes(4)
                    )
                    return problem.map { "queue: message \(row.text(0)): \($0)" }
                }
                return (findings: findings.compactMap { $0 }, last: last)
            }
            note(page.findings)
            guard let last = page.last else { return }
            after = last
        }
    }

    private struct NamedBlob: Sendable {
        var hash: [UInt8]
        var size: Int
        var largest: Int
    }

    private mutating func checkBlobs() async throws(StoreError) {
        for (table, condition, size) in [
            ("emails", "is_inline = 0", "blob_size"), ("queue_messages", "data IS NULL", "size"),
        ] {
            var after: [UInt8] = []
            while true {
                let start = after
                let page = try await store.database.read { connection throws(StoreError) in
                    try connection.all(
                        """
                        SELECT blob_hash, MIN(\(size)), MAX(\(size)) FROM \(table) WHERE \(condition) AND blob_hash > $1
                        GROUP BY blob_hash ORDER BY blob_hash LIMIT 500
                        """,
                        [.bytes(start)]
                    ) { row throws(StoreError) in
                        NamedBlob(hash: row.bytes(0), size: Int(row.integer(1)), largest: Int(row.integer(2)))
                    }
                }
                guard let last = page.last else { break }
                for blob in page { try await check(blob) }
                after = last.hash
            }
        }
    }

    private mutating func check(_ blob: NamedBlob) async throws(StoreError) {
        guard let hash = BlobHash(bytes: blob.hash) else {
            return note(["a blob's hash has \(blob.hash.count) octets"])
        }
        report.blobs += 1
        guard blob.size == blob.largest else { return note(["blob \(hash): rows disagree about its size"]) }
        do throws(StoreError) {
            try await store.blobs.verify(hash)
            let end = try await store.blobs.read(hash, range: max(0, blob.size - 1)..<(blob.size + 1)).readableBytes
            if end != min(1, blob.size) { note(["blob \(hash): it has not the \(blob.size) octets that its rows say"]) }
        } catch .notFound {
            // Its last message may have gone while we looked.
            let isNamed = try await store.database.read { connection throws(StoreError) in
                try SQLStore.isNamed(hash, connection)
            }
            if isNamed { note(["blob \(hash): missing"]) }
        } catch .damaged {
            note(["blob \(hash): its bytes do not have that hash"])
        }
    }

    // MARK: - Across accounts

    private static func directoryFindings(_ connection: any SQLConnection) throws(StoreError) -> [String] {
        try connection.all(
            """
            SELECT 'account ' || account_id || ' has no counters' FROM accounts
            WHERE account_id NOT IN (SELECT account_id FROM account_counters)
            UNION ALL SELECT 'account ' || account_id || ' has no credentials' FROM accounts
            WHERE account_id NOT IN (SELECT account_id FROM credentials)
            UNION ALL SELECT 'account ' || account_id || ' does not own its address' FROM accounts
            WHERE NOT EXISTS (
                SELECT 1 FROM addresses WHERE address = accounts.primary_address AND addresses.account_id = accounts.account_id
            )
            UNION ALL SELECT 'address ' || address || ' belongs to an account that is not there' FROM addresses
            WHERE account_id IS NOT NULL AND account_id NOT IN (SELECT account_id FROM accounts)
            UNION ALL SELECT 'address ' || address || ' is of a domain that is not there' FROM addresses
            WHERE domain NOT IN (SELECT name FROM domains)
            UNION ALL SELECT 'alias ' || address || ' has no target' FROM addresses
            WHERE account_id IS NULL AND address NOT IN (SELECT address FROM alias_targets)
            AND address NOT IN (SELECT address FROM list_addresses)
            UNION ALL SELECT 'address ' || address || ' is of a list that is not there' FROM list_addresses
            WHERE list NOT IN (SELECT address FROM lists)
            UNION ALL SELECT 'domain ' || name || ' is of an organisation that is not there' FROM domains
            WHERE organisation_id NOT IN (SELECT organisation_id FROM organisations)
            """
        ) { row throws(StoreError) in row.text(0) }
    }

    /// Rows whose account or queue entry is not there.
    private static func strayFindings(_ connection: any SQLConnection) throws(StoreError) -> [String] {
        var findings: [String] = []
        for table in [
            "mailboxes", "messages", "tombstones", "emails", "inline_bytes", "subscriptions", "thread_references",
        ] {
            findings += try connection.all(
                "SELECT DISTINCT account_id FROM \(table) WHERE account_id NOT IN (SELECT account_id FROM account_counters) LIMIT 100"
            ) { row throws(StoreError) in "account \(row.integer(0)): rows in \(table), but no such account" }
        }
        findings += try connection.all(
            """
            SELECT 'message ' || queue_id || ' has no recipients' FROM queue_messages AS message WHERE NOT EXISTS (
                SELECT 1 FROM queue_recipients WHERE account_id = message.account_id AND queue_id = message.queue_id
            )
            UNION ALL SELECT 'recipient ' || recipient || ' of ' || queue_id || ' has no message' FROM queue_recipients AS one
            WHERE NOT EXISTS (SELECT 1 FROM queue_messages WHERE account_id = one.account_id AND queue_id = one.queue_id)
            UNION ALL SELECT 'recipient ' || recipient || ' of ' || queue_id || ' is in no known state' FROM queue_recipients
            WHERE state NOT IN ('waiting', 'leased', 'held')
            """
        ) { row throws(StoreError) in "queue: \(row.text(0))" }
        return findings
    }
}
