package import Database
package import MailModel
package import MailPorts

/// One numbered change of the schema. Append-only: a released migration is never edited, and its checksum is kept to notice.
package struct Migration: Sendable {
    package let version: Int64
    package let name: String
    /// Statements with the words of `SQLDialect`.
    package let statements: [String]

    /// FNV-1a over the statements, 16 hexadecimal digits; it notices edits, it does not resist them.
    package var checksum: String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in statements.joined(separator: ";").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }

    package static let all: [Migration] = [.initial]

    /// Brings the database to the newest version, each step in one transaction.
    ///
    /// - Throws: `.refused` when the database is newer than this program, or an applied migration has changed.
    package static func apply(_ migrations: [Migration] = all, to database: any SQLDatabase, now: Timestamp) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
                )
                """
            )
        }
        let applied = try await database.read { connection throws(StoreError) in
            try connection.all("SELECT version, checksum FROM schema_migrations ORDER BY version") { row throws(StoreError) in
                (version: row.integer(0), checksum: row.text(1))
            }
        }
        for (version, checksum) in applied {
            guard let known = migrations.first(where: { $0.version == version }) else {
                throw .refused("the database has schema version \(version), newer than this program knows")
            }
            guard known.checksum == checksum else {
                throw .refused("migration \(version) (\(known.name)) is not the one that was applied to this database")
            }
        }
        let done = Set(applied.map(\.version))
        for migration in migrations where !done.contains(migration.version) {
            try await database.write { connection throws(StoreError) in
                for statement in migration.statements { try connection.execute(database.dialect.spell(statement)) }
                try connection.execute(
                    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
                    [.integer(migration.version), .text(migration.name), .text(migration.checksum), .integer(now.microseconds)]
                )
            }
        }
    }
}

extension SQLDialect {
    /// The statement in the engine's own words.
    func spell(_ statement: String) -> String {
        var bytes = Array(statement.utf8)
        for (word, meaning) in schemaWords {
            let pattern = Array(word.utf8)
            var result: [UInt8] = []
            var index = 0
            while index < bytes.count {
                if bytes[index...].starts(with: pattern) {
                    result += Array(meaning.utf8)
                    index += pattern.count
                } else {
                    result.append(bytes[index])
                    index += 1
                }
            }
            bytes = result
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
