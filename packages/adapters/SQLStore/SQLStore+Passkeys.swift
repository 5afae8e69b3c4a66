import Database
package import MailModel
package import MailPorts

extension SQLStore: PasskeyStore {
    package func passkeys(of account: AccountID) async throws(StoreError) -> [Passkey] {
        try await database.read(.recent) { connection throws(StoreError) in
            try connection.all(
                "\(Self.passkeyQuery) WHERE account_id = $1 ORDER BY passkey_id",
                [.integer(account.rawValue)],
                Self.passkey
            )
        }
    }

    package func addPasskey(
        _ new: Passkey,
        spending challenge: SpentChallenge,
        recoveryHashes: [[UInt8]],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> (passkey: Passkey, tookRecoveryCodes: Bool) {
        let now = clock.now()
        let taken = try await database.write { connection throws(StoreError) in
            // Two that add the last one at once take turns.
            try Self.lock([new.account], connection)
            guard try Self.spend(challenge, of: new.account, now, connection) else {
                throw .refused("the challenge was answered before")
            }
            let account: SQLValue = .integer(new.account.rawValue)
            let count = try connection.first("SELECT COUNT(*) FROM passkeys WHERE account_id = $1", [account]) {
                row throws(StoreError) in row.integer(0)
            }
            guard (count ?? 0) < limit else { throw .refused("an account has at most \(limit) passkeys") }
            let added = try Self.add(new, recoveryHashes, now, connection)
            if count == 0 { try Self.endSignIns(of: new.account, .password, connection) }
            try Self.record(audit, connection)
            return added
        }
        return (taken.passkey, taken.tookRecoveryCodes)
    }

    struct Added: Sendable {
        var passkey: Passkey
        var tookRecoveryCodes: Bool
    }

    /// The rows of a passkey, and of recovery codes for an account that has none.
    private static func add(
        _ new: Passkey,
        _ recoveryHashes: [[UInt8]],
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Added {
        var made = new
        made.id = PasskeyID(try next("passkey", connection))
        made.createdAt = now
        made.lastUse = nil
        try insert(made, connection)
        let codes = try connection.first(
            "SELECT COUNT(*) FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL",
            [.integer(new.account.rawValue)]
        ) { row throws(StoreError) in row.integer(0) }
        let takesCodes = codes ?? 0 == 0
        if takesCodes { try putRecoveryCodes(recoveryHashes, of: new.account, connection) }
        return Added(passkey: made, tookRecoveryCodes: takesCodes)
    }

    /// The passkey that somebody chose to sign in by, in the transaction of that choice.
    static func add(
        _ new: NewPasskey,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        guard try spend(new.challenge, of: new.passkey.account, now, connection) else {
            throw .refused("the challenge was answered before")
        }
        _ = try add(new.passkey, new.recoveryHashes, now, connection)
    }

    package func usePasskey(
        _ use: PasskeyUse,
        spending challenge: SpentChallenge,
        audit: AuditEvent,
        alarm: AuditEvent
    ) async throws(StoreError) -> PasskeyUseOutcome {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            try Self.lock([use.account], connection)
            guard try Self.spend(challenge, of: use.account, now, connection) else { return .replayed }
            let key: [SQLValue] = [.integer(use.account.rawValue), .integer(use.passkey.rawValue)]
            let known = try connection.first(
                "SELECT sign_count FROM passkeys WHERE account_id = $1 AND passkey_id = $2",
                key
            ) { row throws(StoreError) in row.integer(0) }
            guard let known else { return .gone }
            let count = Int64(use.signCount)
            guard count > known || count == 0 && known == 0 else {
                try Self.record(alarm, connection)
                return .counterWentBack
            }
            try connection.execute(
                """
                UPDATE passkeys SET sign_count = $3, is_backed_up = $4, last_used_at = $5, last_used_from = $6,
                verifies_user = CASE WHEN $7 = 1 THEN 1 ELSE verifies_user END
                WHERE account_id = $1 AND passkey_id = $2
                """,
                key + [
                    .integer(count), .integer(use.isBackedUp ? 1 : 0), .integer(use.use.at.microseconds),
                    .optional(use.use.remote?.description), .integer(use.verifiedUser ? 1 : 0),
                ]
            )
            try Self.record(audit, connection)
            return .used
        }
    }

    package func renamePasskey(
        _ id: PasskeyID,
        of account: AccountID,
        to name: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                "UPDATE passkeys SET name = $3 WHERE account_id = $1 AND passkey_id = $2",
                [.integer(account.rawValue), .integer(id.rawValue), .text(name)]
            )
            guard changed == 1 else { throw .notFound }
            try Self.record(audit, connection)
        }
    }

    package func removePasskey(
        _ id: PasskeyID,
        of account: AccountID,
        removal: PasskeyRemoval,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lock([account], connection)
            let gone = try connection.execute(
                "DELETE FROM passkeys WHERE account_id = $1 AND passkey_id = $2",
                [.integer(account.rawValue), .integer(id.rawValue)]
            )
            guard gone == 1 else { throw .notFound }
            try Self.checkFactorsLeft(of: account, evenIfDemanded: removal != .byOwner, connection)
            if removal != .forced { try Self.requireWayIn(account, connection) }
            try Self.record(audit, connection)
        }
    }

    /// After a passkey was taken away.
    private static func requireWayIn(_ account: AccountID, _ connection: any SQLConnection) throws(StoreError) {
        let hasPassword = try hasPassword(account, connection)
        let hasWayIn = try hasWayIn(account, connection)
        guard hasPassword || hasWayIn else {
            throw .refused(
                "the account has no password, and no other passkey of it has verified its user: set a password first"
            )
        }
    }

    // MARK: - Steps

    /// False when it was spent before.
    ///
    /// The account's row is locked; what has expired is forgotten.
    private static func spend(
        _ challenge: SpentChallenge,
        of account: AccountID,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Bool {
        try connection.execute(
            "DELETE FROM spent_challenges WHERE account_id = $1 AND expires_at <= $2",
            [.integer(account.rawValue), .integer(now.microseconds)]
        )
        return try connection.execute(
            """
            INSERT INTO spent_challenges (account_id, challenge_hash, expires_at) VALUES ($1, $2, $3)
            ON CONFLICT (account_id, challenge_hash) DO NOTHING
            """,
            [.integer(account.rawValue), .bytes(challenge.hash), .integer(challenge.expiresAt.microseconds)]
        ) == 1
    }

    private static func insert(_ passkey: Passkey, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO passkeys (
                account_id, passkey_id, credential, public_key, sign_count, name, model, transports, is_backed_up, created_at,
                verifies_user
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """,
            [
                .integer(passkey.account.rawValue), .integer(passkey.id.rawValue), .bytes(passkey.credential),
                .bytes(passkey.publicKey), .integer(Int64(passkey.signCount)), .text(passkey.name),
                .bytes(passkey.model), .text(passkey.transports.joined(separator: " ")),
                .integer(passkey.isBackedUp ? 1 : 0), .integer(passkey.createdAt.microseconds),
                .integer(passkey.verifiesUser ? 1 : 0),
            ]
        )
    }

    private static let passkeyQuery = """
        SELECT passkey_id, account_id, credential, public_key, sign_count, name, model, transports, is_backed_up, created_at,
        last_used_at, last_used_from, verifies_user FROM passkeys
        """

    private static func passkey(_ row: any SQLRow) throws(StoreError) -> Passkey {
        Passkey(
            id: PasskeyID(row.integer(0)),
            account: AccountID(row.integer(1)),
            credential: row.bytes(2),
            publicKey: row.bytes(3),
            signCount: UInt32(clamping: row.integer(4)),
            name: row.text(5),
            model: row.bytes(6),
            transports: row.text(7).utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) },
            isBackedUp: row.integer(8) != 0,
            createdAt: Timestamp(microseconds: row.integer(9)),
            lastUse: row.optionalInteger(10).map {
                LastUse(at: Timestamp(microseconds: $0), remote: row.isNull(11) ? nil : IPAddress(row.text(11)))
            },
            verifiesUser: row.integer(12) == 1
        )
    }
}
