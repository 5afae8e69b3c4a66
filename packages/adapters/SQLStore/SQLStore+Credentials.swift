import Database
package import MailModel
package import MailPorts

extension SQLStore: CredentialStore {
    package func addAppPassword(
        _ new: NewAppPassword,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> AppPassword {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            let account: SQLValue = .integer(new.account.rawValue)
            // Two that add the last one at once take turns.
            try Self.lock([new.account], connection)
            let count = try connection.first("SELECT COUNT(*) FROM app_passwords WHERE account_id = $1", [account]) {
                row throws(StoreError) in row.integer(0)
            }
            guard (count ?? 0) < limit else { throw .refused("an account has at most \(limit) app passwords") }
            let id = AppPasswordID(try Self.next("app_password", connection))
            try connection.execute(
                """
                INSERT INTO app_passwords (
                    account_id, app_password_id, name, scopes, secret_hash, scram_stored_key, scram_server_key, created_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                """,
                [
                    account, .integer(id.rawValue), .text(new.name), .text(Self.text(new.scopes)),
                    .bytes(new.secretHash),
                    .bytes(new.scram.stored), .bytes(new.scram.server), .integer(now.microseconds),
                ]
            )
            try Self.record(audit, id, new.name, Self.text(new.scopes), connection)
            return AppPassword(id: id, account: new.account, name: new.name, scopes: new.scopes, createdAt: now)
        }
    }

    private static func record(
        _ audit: AuditEvent,
        _ id: AppPasswordID,
        _ name: String,
        _ scopes: String,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        var audit = audit
        audit.detail =
            AuditDetail().adding("app_password", id.rawValue).adding("name", name).adding("scopes", scopes).text
        try record(audit, connection)
    }

    package func appPasswords(of account: AccountID) async throws(StoreError) -> [AppPassword] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.appPasswordQuery) WHERE account_id = $1 ORDER BY app_password_id",
                [.integer(account.rawValue)],
                Self.appPassword
            )
        }
    }

    package func appPassword(of account: AccountID, secretHash: [UInt8]) async throws(StoreError) -> AppPassword? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "\(Self.appPasswordQuery) WHERE account_id = $1 AND secret_hash = $2",
                [.integer(account.rawValue), .bytes(secretHash)],
                Self.appPassword
            )
        }
    }

    package func scramKeys(
        of account: AccountID
    ) async throws(StoreError) -> [(password: AppPassword, keys: SCRAMKeys)] {
        let found = try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.appPasswordQuery) WHERE account_id = $1 ORDER BY app_password_id",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in
                KeyRow(password: try Self.appPassword(row), keys: SCRAMKeys(stored: row.bytes(7), server: row.bytes(8)))
            }
        }
        return found.map { ($0.password, $0.keys) }
    }

    private struct KeyRow: Sendable {
        var password: AppPassword
        var keys: SCRAMKeys
    }

    package func noteUse(_ use: LastUse, of id: AppPasswordID, account: AccountID) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                UPDATE app_passwords SET last_used_at = $3, last_used_from = $4
                WHERE account_id = $1 AND app_password_id = $2 AND (last_used_at IS NULL OR last_used_at < $3)
                """,
                [
                    .integer(account.rawValue), .integer(id.rawValue), .integer(use.at.microseconds),
                    .optional(use.remote?.description),
                ]
            )
        }
    }

    package func removeAppPassword(
        _ id: AppPasswordID,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let gone = try connection.first(
                "DELETE FROM app_passwords WHERE account_id = $1 AND app_password_id = $2 RETURNING name, scopes",
                [.integer(account.rawValue), .integer(id.rawValue)]
            ) { row throws(StoreError) in (name: row.text(0), scopes: row.text(1)) }
            guard let gone else { throw .notFound }
            try Self.endSignIns(of: account, .appPassword(id), connection)
            try Self.record(audit, id, gone.name, gone.scopes, connection)
        }
    }

    // MARK: - Endings

    /// Endings that are kept: whoever has not read them by then has been away.
    private static let keptEndings: Int64 = 10_000
    /// The account's own password, in a column whose other values are app passwords.
    private static let ownPassword: Int64 = 0
    /// A session, named in a column of its own.
    static let bySession: Int64 = -1

    /// Tells every process, with this transaction, that sessions must end.
    static func endSignIns(
        of account: AccountID,
        _ credential: SignInCredential?,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        // Numbers become visible in their order: a reader never passes one that comes later.
        try connection.takeTurn(.notices)
        let column: SQLValue =
            switch credential {
            case nil: .null
            case .password: .integer(ownPassword)
            case .appPassword(let id): .integer(id.rawValue)
            case .session: .integer(bySession)
            }
        var session: String?
        if case .session(let family) = credential { session = family }
        try connection.execute(
            "INSERT INTO sign_in_endings (account_id, credential, session) VALUES ($1, $2, $3)",
            [.integer(account.rawValue), column, .optional(session)]
        )
        // The newest stays always, so that numbers only grow.
        try connection.execute(
            "DELETE FROM sign_in_endings WHERE ending_id <= (SELECT MAX(ending_id) FROM sign_in_endings) - $1",
            [.integer(keptEndings)]
        )
    }

    package func signInEndings(after number: Int64?, limit: Int) async throws(StoreError) -> [SignInEnding] {
        try await database.read(.latest) { connection throws(StoreError) in
            let which =
                number == nil
                ? "ending_id = (SELECT MAX(ending_id) FROM sign_in_endings) AND $1 < 0" : "ending_id > $1"
            return try connection.all(
                "SELECT ending_id, account_id, credential, session FROM sign_in_endings WHERE \(which) ORDER BY ending_id LIMIT $2",
                [.integer(number ?? -1), .integer(Int64(limit))]
            ) { row throws(StoreError) in
                SignInEnding(
                    number: row.integer(0),
                    account: AccountID(row.integer(1)),
                    credential: row.optionalInteger(2).map {
                        switch $0 {
                        case Self.ownPassword: .password
                        case Self.bySession: .session(row.isNull(3) ? "" : row.text(3))
                        default: .appPassword(AppPasswordID($0))
                        }
                    }
                )
            }
        }
    }

    // MARK: - Rows

    private static let appPasswordQuery = """
        SELECT app_password_id, account_id, name, scopes, created_at, last_used_at, last_used_from, scram_stored_key, scram_server_key
        FROM app_passwords
        """

    private static func appPassword(_ row: any SQLRow) throws(StoreError) -> AppPassword {
        AppPassword(
            id: AppPasswordID(row.integer(0)),
            account: AccountID(row.integer(1)),
            name: row.text(2),
            scopes: Set(
                row.text(3).utf8.split(separator: 32).compactMap {
                    SignInScope(rawValue: String(decoding: $0, as: UTF8.self))
                }
            ),
            createdAt: Timestamp(microseconds: row.integer(4)),
            lastUse: row.optionalInteger(5).map {
                LastUse(
                    at: Timestamp(microseconds: $0),
                    remote: row.isNull(6) ? nil : IPAddress(row.text(6))
                )
            }
        )
    }

    /// Words in their declared order, a space between them.
    private static func text(_ scopes: Set<SignInScope>) -> String {
        SignInScope.allCases.filter(scopes.contains).map(\.rawValue).joined(separator: " ")
    }
}
