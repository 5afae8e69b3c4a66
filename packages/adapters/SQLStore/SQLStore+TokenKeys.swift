import Database
package import MailModel
package import MailPorts

extension SQLStore: TokenKeyStore {
    package func tokenKeys() async throws(StoreError) -> [TokenKey] {
        try await database.read { connection throws(StoreError) in
            let rows = try connection.all(
                "SELECT key_id, algorithm, sealed_key, created_at, signs_from FROM token_keys ORDER BY signs_from, key_id"
            ) { row throws(StoreError) in
                TokenAlgorithm(rawValue: row.text(1)).map { algorithm in
                    TokenKey(
                        id: row.text(0),
                        algorithm: algorithm,
                        sealedKey: row.bytes(2),
                        createdAt: Timestamp(microseconds: row.integer(3)),
                        signsFrom: Timestamp(microseconds: row.integer(4))
                    )
                }
            }
            // A later release may know more algorithms.
            return rows.compactMap { $0 }
        }
    }

    package func addTokenKey(
        _ key: TokenKey,
        unlessMadeAfter since: Timestamp?,
        replacing: Bool,
        audit: AuditEvent?
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.tokenKeys)
            let algorithm: SQLValue = .text(key.algorithm.rawValue)
            if let since {
                let isThere = try connection.first(
                    "SELECT 1 FROM token_keys WHERE algorithm = $1 AND created_at > $2 LIMIT 1",
                    [algorithm, .integer(since.microseconds)]
                ) { _ throws(StoreError) in true }
                guard isThere != true else { return false }
            }
            if replacing { try connection.execute("DELETE FROM token_keys WHERE algorithm = $1", [algorithm]) }
            try connection.execute(
                "INSERT INTO token_keys (key_id, algorithm, sealed_key, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)",
                [
                    .text(key.id), algorithm, .bytes(key.sealedKey), .integer(key.createdAt.microseconds),
                    .integer(key.signsFrom.microseconds),
                ]
            )
            if let audit { try Self.record(audit, connection) }
            return true
        }
    }

    package func removeTokenKeys(_ ids: [String], audit: AuditEvent) async throws(StoreError) {
        guard !ids.isEmpty else { return }
        try await database.write { connection throws(StoreError) in
            var gone: [String] = []
            for id in ids where try connection.execute("DELETE FROM token_keys WHERE key_id = $1", [.text(id)]) > 0 {
                gone.append(id)
            }
            // Behind all removals: nobody waits for a row while holding the turn of the trail.
            for id in gone {
                var audit = audit
                audit.subject = "token-key:\(id)"
                try Self.record(audit, connection)
            }
        }
    }
}
