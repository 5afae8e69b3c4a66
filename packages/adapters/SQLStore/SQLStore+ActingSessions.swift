import Database
package import MailModel
package import MailPorts

/// Sessions in which an administrator acts as somebody else.
extension SQLStore {
    /// Whether the session of theirs is open in which the actor of the row `session` began.
    static let actorIsSignedIn = """
        EXISTS (SELECT 1 FROM token_families AS theirs WHERE theirs.family = session.acting_family AND theirs.revoked_at IS NULL)
        """

    package func add(_ session: ActingSession, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.requirePerson(session.account, connection)
            let (account, actor) = (session.account.rawValue, session.actor)
            try Self.endSessions(
                "account_id = $2 AND acting_account = $3",
                [.integer(account), .integer(actor.account.rawValue)],
                now: session.createdAt,
                connection
            )
            try connection.execute(
                "DELETE FROM token_families WHERE account_id = $1 AND acting_until <= $2",
                [.integer(account), .integer(session.createdAt.microseconds)]
            )
            try connection.execute(
                """
                INSERT INTO token_families (
                    family, account_id, revoked_at, created_at, last_used_at, last_used_from, device,
                    acting_account, acting_address, acting_reason, acting_family, acting_until
                ) VALUES ($1, $2, NULL, $3, $3, $4, $5, $6, $7, $8, $9, $10)
                """,
                [
                    .text(session.family), .integer(account), .integer(session.createdAt.microseconds),
                    .optional(session.origin.remote?.description), .text(session.origin.device),
                    .integer(actor.account.rawValue), .text(actor.address), .text(actor.reason), .text(actor.family),
                    .integer(actor.until.microseconds),
                ]
            )
            try Self.record(audit, connection)
        }
    }

    package func endSessions(
        of account: AccountID,
        actedBy actor: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            let ended = try Self.endSessions(
                "account_id = $2 AND acting_account = $3 AND acting_until > $1",
                [.integer(account.rawValue), .integer(actor.rawValue)],
                now: now,
                connection
            )
            if ended > 0 { try Self.record(audit, connection) }
            return ended
        }
    }

    package func noteActing(in family: String, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                UPDATE token_families SET acting_requests = COALESCE(acting_requests, 0) + 1, last_used_at = $2, last_used_from = $3
                WHERE family = $1
                """,
                [.text(family), .integer(audit.at.microseconds), .optional(audit.remote?.description)]
            )
            try Self.record(audit, connection)
        }
    }

    /// Of a row of `sessions(of:now:)`.
    static func actor(_ row: any SQLRow) -> SessionActor? {
        guard let account = row.optionalInteger(5), let until = row.optionalInteger(9) else { return nil }
        var actor = SessionActor(
            account: AccountID(account),
            address: row.optionalText(6) ?? "",
            reason: row.optionalText(7) ?? "",
            family: row.optionalText(8) ?? "",
            until: Timestamp(microseconds: until)
        )
        actor.requests = row.optionalInteger(10) ?? 0
        return actor
    }
}
