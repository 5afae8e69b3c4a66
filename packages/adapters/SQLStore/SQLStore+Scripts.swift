import Database
import MailCrypto
package import MailModel
package import MailPorts

extension SQLStore: ScriptStore {
    private static let isActive = "CASE WHEN version = accounts.active_script THEN 1 ELSE 0 END"
    private static let scriptColumns =
        "sieve_scripts.name, size, version, \(isActive), sieve_scripts.created_at, changed_at"
    private static let scriptTables =
        "sieve_scripts JOIN accounts ON accounts.account_id = sieve_scripts.account_id"
    /// How often somebody is told that their script fails.
    private static let tellingSeconds: Int64 = 86_400

    // MARK: - Reading

    package func scripts(_ listing: ScriptListing) async throws(StoreError) -> [ScriptEntry] {
        let key =
            switch listing.sort {
            case .name: "sieve_scripts.name"
            case .createdAt: "sieve_scripts.created_at"
            case .changedAt: "changed_at"
            }
        var statement = ListStatement()
        statement.require("sieve_scripts.account_id =", .integer(listing.account.rawValue))
        statement.require("\(Self.isActive) =", listing.isActive.map { .integer($0 ? 1 : 0) })
        statement.require(["sieve_scripts.name"], contain: listing.text)
        let page = statement.page(listing, by: key, "sieve_scripts.name")
        return try await all(
            "SELECT \(Self.scriptColumns) FROM \(Self.scriptTables)\(page)",
            statement,
            Self.scriptEntry
        )
    }

    package func script(named name: String, of account: AccountID) async throws(StoreError) -> StoredScript? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT \(Self.scriptColumns), body FROM \(Self.scriptTables)
                WHERE sieve_scripts.account_id = $1 AND sieve_scripts.name = $2
                """,
                [.integer(account.rawValue), .text(name)],
                Self.storedScript
            )
        }
    }

    package func activeScript(of account: AccountID) async throws(StoreError) -> StoredScript? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT \(Self.scriptColumns), body FROM \(Self.scriptTables)
                WHERE sieve_scripts.account_id = $1 AND version = accounts.active_script
                """,
                [.integer(account.rawValue)],
                Self.storedScript
            )
        }
    }

    private static func scriptEntry(_ row: any SQLRow) throws(StoreError) -> ScriptEntry {
        ScriptEntry(
            name: row.text(0),
            size: Int(row.integer(1)),
            version: row.integer(2),
            isActive: row.integer(3) != 0,
            createdAt: Timestamp(microseconds: row.integer(4)),
            changedAt: Timestamp(microseconds: row.integer(5))
        )
    }

    private static func storedScript(_ row: any SQLRow) throws(StoreError) -> StoredScript {
        StoredScript(entry: try scriptEntry(row), text: row.text(6))
    }

    // MARK: - Changing

    private struct Known {
        var size: Int64
        var version: Int64
        var createdAt: Int64
    }

    private static func known(
        _ name: String,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Known? {
        try connection.first(
            "SELECT size, version, created_at FROM sieve_scripts WHERE account_id = $1 AND name = $2",
            [.integer(account.rawValue), .text(name)]
        ) { row throws(StoreError) in
            Known(size: row.integer(0), version: row.integer(1), createdAt: row.integer(2))
        }
    }

    /// The version of the account's active script; the row stays locked, so that no two change scripts at once.
    private static func lockScripts(
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (organisation: OrganisationID, active: Int64?) {
        guard let own = try ownState(account, connection), own.status != .deleted else { throw .notFound }
        let active = try connection.first(
            "SELECT active_script FROM accounts WHERE account_id = $1",
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in row.optionalInteger(0) }
        return (own.organisation, active ?? nil)
    }

    package func putScript(
        named name: String,
        _ text: String,
        of account: AccountID,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> (entry: ScriptEntry, isNew: Bool) {
        try await database.write { connection throws(StoreError) in
            let (organisation, active) = try Self.lockScripts(of: account, connection)
            let before = try Self.known(name, of: account, connection)
            if before == nil {
                let count = try connection.first(
                    "SELECT COUNT(*) FROM sieve_scripts WHERE account_id = $1",
                    [.integer(account.rawValue)]
                ) { row throws(StoreError) in row.integer(0) }
                guard (count ?? 0) < Int64(limit) else { throw .refused("An account has at most \(limit) scripts.") }
            }
            let size = text.utf8.count
            let entry = ScriptEntry(
                name: name,
                size: size,
                version: .random(in: 1 ... .max),
                isActive: before != nil && before?.version == active,
                createdAt: before.map { Timestamp(microseconds: $0.createdAt) } ?? audit.at,
                changedAt: audit.at
            )
            try connection.execute(
                """
                INSERT INTO sieve_scripts (account_id, name, version, body, size, created_at, changed_at)
                VALUES ($1, $2, $3, $4, $5, $6, $6)
                ON CONFLICT (account_id, name) DO UPDATE SET version = $3, body = $4, size = $5, changed_at = $6, told_at = NULL
                """,
                [
                    .integer(account.rawValue), .text(name), .integer(entry.version), .text(text),
                    .integer(Int64(size)), .integer(audit.at.microseconds),
                ]
            )
            if entry.isActive { try Self.setActive(entry.version, of: account, connection) }
            var audit = audit
            audit.detail =
                AuditDetail().adding("script", name)
                .changing("octets", from: before.map { "\($0.size)" }, to: "\(size)").text
            try Self.record(audit, of: organisation, connection)
            return (entry, before == nil)
        }
    }

    private static func setActive(
        _ version: Int64?,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute(
            "UPDATE accounts SET active_script = $2 WHERE account_id = $1",
            [.integer(account.rawValue), .optional(version)]
        )
    }

    package func activateScript(
        named name: String?,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let (organisation, active) = try Self.lockScripts(of: account, connection)
            var version: Int64?
            if let name {
                guard let known = try Self.known(name, of: account, connection) else { throw .notFound }
                version = known.version
            } else if active == nil {
                throw .notFound
            }
            try Self.setActive(version, of: account, connection)
            var audit = audit
            if let name { audit.detail = AuditDetail().adding("script", name).text }
            try Self.record(audit, of: organisation, connection)
        }
    }

    package func removeScript(
        named name: String,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let (organisation, active) = try Self.lockScripts(of: account, connection)
            guard let known = try Self.known(name, of: account, connection) else { throw .notFound }
            guard known.version != active else { throw .refused("The active script is not removed.") }
            try connection.execute(
                "DELETE FROM sieve_scripts WHERE account_id = $1 AND name = $2",
                [.integer(account.rawValue), .text(name)]
            )
            var audit = audit
            audit.detail = AuditDetail().adding("script", name).adding("octets", known.size).text
            try Self.record(audit, of: organisation, connection)
        }
    }

    // MARK: - Memory

    /// SHA-256 of both, each after its length: no two pairs look alike.
    private static func digest(_ mark: ScriptMark) -> SQLValue {
        let handle = Array(mark.handle.utf8)
        return .bytes(SHA256.hash(Array("\(handle.count) ".utf8) + handle + Array(mark.id.utf8)))
    }

    package func scriptMarks(
        _ marks: [ScriptMark],
        of account: AccountID,
        at now: Timestamp
    ) async throws(StoreError) -> Set<ScriptMark> {
        try await database.read { connection throws(StoreError) in
            var known: Set<ScriptMark> = []
            for mark in marks {
                let found = try connection.first(
                    "SELECT 1 FROM sieve_marks WHERE account_id = $1 AND mark = $2 AND expires_at > $3",
                    [.integer(account.rawValue), Self.digest(mark), .integer(now.microseconds)]
                ) { _ throws(StoreError) in true }
                if found == true { known.insert(mark) }
            }
            return known
        }
    }

    package func rememberScriptMark(
        _ mark: ScriptMark,
        of account: AccountID,
        until end: Timestamp,
        isRenewed: Bool,
        now: Timestamp
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                INSERT INTO sieve_marks (account_id, mark, expires_at) VALUES ($1, $2, $3)
                ON CONFLICT (account_id, mark) DO UPDATE SET expires_at = $3
                WHERE sieve_marks.expires_at <= $4 OR $5 = 1
                """,
                [
                    .integer(account.rawValue), Self.digest(mark), .integer(end.microseconds),
                    .integer(now.microseconds), .integer(isRenewed ? 1 : 0),
                ]
            )
        }
    }

    package func forgetScriptMarks(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                DELETE FROM sieve_marks WHERE (account_id, mark) IN (
                    SELECT account_id, mark FROM sieve_marks WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
                )
                """,
                [.integer(moment.microseconds), .integer(Int64(limit))]
            )
        }
    }

    package func tellOfScriptFault(
        _ plan: DeliveryPlan,
        script name: String,
        of account: AccountID
    ) async throws(StoreError) -> Bool {
        let stored = try await prepare(plan.bytes)
        let delivered = try await database.write { connection throws(StoreError) -> Delivered? in
            let locked = Set(plan.localCopies.map(\.account) + [account])
            try Self.lock(locked.sorted { $0.rawValue < $1.rawValue }, connection)
            let noted = try connection.execute(
                """
                UPDATE sieve_scripts SET told_at = $3 WHERE account_id = $1 AND name = $2
                AND (told_at IS NULL OR told_at <= $4)
                """,
                [
                    .integer(account.rawValue), .text(name), .integer(plan.receivedAt.microseconds),
                    .integer(plan.receivedAt.adding(seconds: -Self.tellingSeconds).microseconds),
                ]
            )
            guard noted == 1 else { return nil }
            return try Self.deliver(plan, stored, connection)
        }
        guard let delivered else { return false }
        publish(delivered, hasQueueWork: !plan.remote.isEmpty)
        return true
    }
}
