import Database
package import MailModel
package import MailPorts

extension SQLStore: SecondFactorStore {
    package func secondFactorKinds(of account: AccountID) async throws(StoreError) -> Set<SecondFactorKind> {
        try await database.read { connection throws(StoreError) in try Self.kinds(of: account, connection) }
    }

    static func kinds(
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Set<SecondFactorKind> {
        let words = try connection.all(
            """
            SELECT 'totp' FROM second_factors WHERE account_id = $1 AND confirmed_at IS NOT NULL
            UNION SELECT 'passkey' FROM passkeys WHERE account_id = $1
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in row.text(0) }
        return Set(words.compactMap(SecondFactorKind.init(rawValue:)))
    }

    package func secondFactor(of account: AccountID) async throws(StoreError) -> SecondFactor? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT sealed_secret, confirmed_at, last_step FROM second_factors WHERE account_id = $1",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in
                SecondFactor(sealedSecret: row.bytes(0), isConfirmed: !row.isNull(1), lastStep: row.integer(2))
            }
        }
    }

    package func beginSecondFactor(of account: AccountID, sealedSecret: [UInt8]) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                """
                INSERT INTO second_factors (account_id, sealed_secret, confirmed_at, last_step) VALUES ($1, $2, NULL, 0)
                ON CONFLICT (account_id) DO UPDATE SET sealed_secret = $2 WHERE second_factors.confirmed_at IS NULL
                """,
                [.integer(account.rawValue), .bytes(sealedSecret)]
            )
            guard changed == 1 else { throw .alreadyExists }
        }
    }

    package func confirmSecondFactor(
        of account: AccountID,
        sealedSecret: [UInt8],
        step: Int64,
        recoveryHashes: [[UInt8]],
        audit: AuditEvent
    ) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            let confirmed = try connection.execute(
                """
                UPDATE second_factors SET confirmed_at = $2, last_step = $3
                WHERE account_id = $1 AND confirmed_at IS NULL AND sealed_secret = $4
                """,
                [.integer(account.rawValue), .integer(now.microseconds), .integer(step), .bytes(sealedSecret)]
            )
            guard confirmed == 1 else { throw .notFound }
            try Self.putRecoveryCodes(recoveryHashes, of: account, connection)
            try Self.endSignIns(of: account, .password, connection)
            try Self.record(audit, connection)
        }
    }

    package func spendStep(
        _ step: Int64,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            let spent = try connection.execute(
                """
                UPDATE second_factors SET last_step = $2 WHERE account_id = $1 AND confirmed_at IS NOT NULL AND last_step < $2
                """,
                [.integer(account.rawValue), .integer(step)]
            )
            guard spent == 1 else { return false }
            try Self.record(audit, connection)
            return true
        }
    }

    package func spendRecoveryCode(
        _ hash: [UInt8],
        of account: AccountID,
        audit: [AuditEvent]
    ) async throws(StoreError) -> Bool {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            let spent = try connection.execute(
                "UPDATE recovery_codes SET used_at = $3 WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL",
                [.integer(account.rawValue), .bytes(hash), .integer(now.microseconds)]
            )
            guard spent == 1 else { return false }
            for event in audit { try Self.record(event, connection) }
            return true
        }
    }

    package func recoveryCodesLeft(of account: AccountID) async throws(StoreError) -> Int {
        try await database.read { connection throws(StoreError) in
            let count = try connection.first(
                "SELECT COUNT(*) FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in row.integer(0) }
            return Int(count ?? 0)
        }
    }

    package func replaceRecoveryCodes(
        of account: AccountID,
        with hashes: [[UInt8]],
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            guard try !Self.kinds(of: account, connection).isEmpty else { throw .notFound }
            try Self.putRecoveryCodes(hashes, of: account, connection)
            try Self.record(audit, connection)
        }
    }

    package func removeSecondFactor(
        of account: AccountID,
        evenIfDemanded: Bool,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            // Of two factors that are removed at once one is the last.
            try Self.lock([account], connection)
            let key: [SQLValue] = [.integer(account.rawValue)]
            guard try connection.execute("DELETE FROM second_factors WHERE account_id = $1", key) == 1 else {
                throw .notFound
            }
            try Self.checkFactorsLeft(of: account, evenIfDemanded: evenIfDemanded, connection)
            try Self.record(audit, connection)
        }
    }

    static func putRecoveryCodes(
        _ hashes: [[UInt8]],
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute("DELETE FROM recovery_codes WHERE account_id = $1", [.integer(account.rawValue)])
        for hash in hashes {
            try connection.execute(
                "INSERT INTO recovery_codes (account_id, code_hash, used_at) VALUES ($1, $2, NULL)",
                [.integer(account.rawValue), .bytes(hash)]
            )
        }
    }
}
