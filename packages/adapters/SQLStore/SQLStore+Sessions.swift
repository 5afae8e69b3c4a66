import Database
package import MailModel
package import MailPorts

extension SQLStore: SessionStore {
    package func add(_ token: RefreshToken) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in try Self.begin(token, connection) }
    }

    /// Begins a session, inside a transaction; what has expired of the account's goes.
    static func begin(_ token: RefreshToken, _ connection: any SQLConnection) throws(StoreError) {
        let account: SQLValue = .integer(token.account.rawValue)
        try requirePerson(token.account, connection)
        let theirs = "family IN (SELECT family FROM token_families WHERE account_id = $1)"
        try connection.execute(
            "DELETE FROM refresh_tokens WHERE \(theirs) AND expires_at <= $2",
            [account, .integer(token.issuedAt.microseconds)]
        )
        try connection.execute(
            """
            DELETE FROM token_families WHERE account_id = $1 AND (acting_until IS NULL OR acting_until <= $2)
            AND family NOT IN (SELECT family FROM refresh_tokens WHERE \(theirs))
            """,
            [account, .integer(token.issuedAt.microseconds)]
        )
        try connection.execute(
            """
            INSERT INTO token_families (
                family, account_id, revoked_at, created_at, last_used_at, last_used_from, device, by_provider
            ) VALUES ($1, $2, NULL, $3, $3, $4, $5, $6)
            """,
            [
                .text(token.family), account, .integer(token.issuedAt.microseconds),
                .optional(token.origin.remote?.description), .text(token.origin.device),
                token.isByProvider ? .integer(1) : .null,
            ]
        )
        try Self.insert(token, connection)
    }

    /// Whatever way somebody signs in by: nobody is a team's account.
    static func requirePerson(_ account: AccountID, _ connection: any SQLConnection) throws(StoreError) {
        let isTeam = try connection.first(
            "SELECT 1 FROM shared_accounts WHERE account_id = $1",
            [.integer(account.rawValue)]
        ) { _ throws(StoreError) in true }
        guard isTeam != true else { throw .refused("nobody signs in to a shared account") }
    }

    package func rotate(
        _ hash: [UInt8],
        to next: RefreshToken,
        now: Timestamp,
        alarm: AuditEvent
    ) async throws(StoreError) -> RefreshOutcome {
        try await database.write { connection throws(StoreError) in
            let found = try connection.first(
                """
                SELECT refresh_tokens.account_id, refresh_tokens.family, expires_at, spent_at, revoked_at FROM refresh_tokens
                JOIN token_families ON token_families.family = refresh_tokens.family WHERE token_hash = $1
                """,
                [.bytes(hash)]
            ) { row throws(StoreError) in
                (
                    account: AccountID(row.integer(0)), family: row.text(1), expiresAt: row.integer(2),
                    isSpent: !row.isNull(3),
                    isRevoked: !row.isNull(4)
                )
            }
            guard let found, !found.isRevoked, found.expiresAt > now.microseconds else { return .unknown }
            // Of two that rotate one token at once the second finds it spent.
            let spent =
                found.isSpent
                ? 0
                : try connection.execute(
                    "UPDATE refresh_tokens SET spent_at = $2 WHERE token_hash = $1 AND spent_at IS NULL",
                    [.bytes(hash), .integer(now.microseconds)]
                )
            guard spent == 1 else {
                try Self.endSessions("family = $2", [.text(found.family)], now: now, connection)
                try Self.record(alarm, about: found.account, connection)
                return .reused(account: found.account)
            }
            var successor = next
            successor.account = found.account
            successor.family = found.family
            try Self.insert(successor, connection)
            try connection.execute(
                "UPDATE token_families SET last_used_at = $2, last_used_from = $3, device = $4 WHERE family = $1",
                [
                    .text(found.family), .integer(now.microseconds), .optional(next.origin.remote?.description),
                    .text(next.origin.device),
                ]
            )
            return .rotated(account: found.account)
        }
    }

    package func revokeFamily(ofToken hash: [UInt8], audit: AuditEvent) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            let found = try connection.first(
                "SELECT family, account_id FROM refresh_tokens WHERE token_hash = $1",
                [.bytes(hash)]
            ) { row throws(StoreError) in (family: row.text(0), account: AccountID(row.integer(1))) }
            guard let found else { throw .notFound }
            guard try Self.endSessions("family = $2", [.text(found.family)], now: now, connection) > 0 else { return }
            try Self.record(audit, about: found.account, connection)
        }
    }

    /// Sessions that are shown at once.
    private static let shownSessions: Int64 = 1_000

    package func sessions(of account: AccountID, now: Timestamp) async throws(StoreError) -> [SignInSession] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT family, device, created_at, last_used_at, last_used_from, acting_account, acting_address, acting_reason,
                acting_family, acting_until, acting_requests FROM token_families AS session
                WHERE account_id = $1 AND revoked_at IS NULL AND (EXISTS (
                    SELECT 1 FROM refresh_tokens WHERE family = session.family AND spent_at IS NULL AND expires_at > $2
                ) OR (acting_until > $2 AND \(Self.actorIsSignedIn))) ORDER BY created_at DESC, family LIMIT $3
                """,
                [.integer(account.rawValue), .integer(now.microseconds), .integer(Self.shownSessions)]
            ) { row throws(StoreError) in
                SignInSession(
                    family: row.text(0),
                    device: row.isNull(1) ? "" : row.text(1),
                    createdAt: row.optionalInteger(2).map { Timestamp(microseconds: $0) },
                    lastUse: row.optionalInteger(3).map {
                        LastUse(
                            at: Timestamp(microseconds: $0),
                            remote: row.isNull(4) ? nil : IPAddress(row.text(4))
                        )
                    },
                    actor: Self.actor(row)
                )
            }
        }
    }

    package func revokeSession(
        _ family: String,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            let ended = try Self.endSessions(
                "family = $2 AND account_id = $3",
                [.text(family), .integer(account.rawValue)],
                now: now,
                connection
            )
            guard ended == 1 else { throw .notFound }
            try Self.record(audit, about: account, connection)
        }
    }

    package func revokeSessions(
        of account: AccountID,
        except family: String?,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            try Self.forgetAllowed("account_id = $1", [.integer(account.rawValue)], connection)
            let ended = try Self.endSessions(
                "account_id = $2 AND family <> $3",
                [.integer(account.rawValue), .text(family ?? "")],
                now: now,
                connection
            )
            guard ended > 0 else { return 0 }
            var audit = audit
            audit.detail = AuditDetail().adding("sessions", Int64(ended)).text
            try Self.record(audit, about: account, connection)
            return ended
        }
    }

    package func isRevoked(family: String) async throws(StoreError) -> Bool {
        try await database.read { connection throws(StoreError) in
            let isLive = try connection.first(
                "SELECT 1 FROM token_families WHERE family = $1 AND revoked_at IS NULL",
                [.text(family)]
            ) { _ throws(StoreError) in true }
            return isLive != true
        }
    }

    package func platformSecret(
        _ name: String,
        makingIfAbsent make: @Sendable () -> [UInt8]
    ) async throws(StoreError) -> [UInt8] {
        let made = make()
        return try await database.write { connection throws(StoreError) in
            try connection.execute(
                "INSERT INTO platform_secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                [.text(name), .bytes(made)]
            )
            let kept = try connection.first("SELECT value FROM platform_secrets WHERE name = $1", [.text(name)]) {
                row throws(StoreError) in
                row.bytes(0)
            }
            return kept ?? made
        }
    }

    private static func insert(_ token: RefreshToken, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO refresh_tokens (token_hash, account_id, family, issued_at, expires_at, spent_at) VALUES ($1, $2, $3, $4, $5, NULL)
            """,
            [
                .bytes(token.hash), .integer(token.account.rawValue), .text(token.family),
                .integer(token.issuedAt.microseconds),
                .integer(token.expiresAt.microseconds),
            ]
        )
    }

    /// Revokes open sessions, and with each the mail sessions that signed in by its tokens; how many.
    ///
    /// `which` speaks of `$2` and following.
    @discardableResult
    static func endSessions(
        _ which: String,
        _ values: [SQLValue],
        now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Int {
        let ended = try connection.all(
            "UPDATE token_families SET revoked_at = $1 WHERE \(which) AND revoked_at IS NULL RETURNING account_id, family",
            [.integer(now.microseconds)] + values
        ) { row throws(StoreError) in (account: AccountID(row.integer(0)), family: row.text(1)) }
        for session in ended { try endSignIns(of: session.account, .session(session.family), connection) }
        return ended.count
    }
}
