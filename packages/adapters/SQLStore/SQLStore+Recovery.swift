import Database
package import MailModel
package import MailPorts

extension SQLStore: RecoveryStore {
    package func recoveryAddress(of account: AccountID) async throws(StoreError) -> EmailAddress? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT recovery_address FROM accounts WHERE account_id = $1 AND recovery_address IS NOT NULL",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in Self.address(row.text(0)) }
        }
    }

    package func addTicket(
        _ ticket: AccountTicket,
        keeping limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            let key: SQLValue = .integer(ticket.account.rawValue)
            try Self.lock([ticket.account], connection)
            guard try Self.account(ticket.account, connection) != nil else { throw .notFound }
            try connection.execute(
                """
                INSERT INTO account_tickets (token_hash, account_id, purpose, number, address, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6)
                """,
                [
                    .bytes(ticket.hash), key, .text(ticket.purpose.rawValue),
                    .integer(try Self.next("account_ticket", connection)), .text(ticket.address.description),
                    .integer(ticket.expiresAt.microseconds),
                ]
            )
            try connection.execute(
                """
                DELETE FROM account_tickets WHERE account_id = $1 AND (expires_at <= $2 OR purpose = $3 AND number NOT IN (
                    SELECT number FROM account_tickets WHERE account_id = $1 AND purpose = $3 ORDER BY number DESC LIMIT $4
                ))
                """,
                [key, .integer(now.microseconds), .text(ticket.purpose.rawValue), .integer(Int64(limit))]
            )
            try Self.record(audit, connection)
        }
    }

    package func ticketHolder(
        _ hash: [UInt8],
        for purpose: TicketPurpose,
        now: Timestamp
    ) async throws(StoreError) -> AccountID? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT account_id FROM account_tickets WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3",
                [.bytes(hash), .text(purpose.rawValue), .integer(now.microseconds)]
            ) { row throws(StoreError) in AccountID(row.integer(0)) }
        }
    }

    /// Of two that spend one token at once the second finds none.
    private static func spend(
        _ hash: [UInt8],
        _ purpose: TicketPurpose,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (account: AccountID, address: EmailAddress) {
        let spent = try connection.first(
            """
            DELETE FROM account_tickets WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3
            RETURNING account_id, address
            """,
            [.bytes(hash), .text(purpose.rawValue), .integer(now.microseconds)]
        ) { row throws(StoreError) in (account: AccountID(row.integer(0)), address: address(row.text(1))) }
        guard let spent else { throw .notFound }
        return spent
    }

    package func confirmRecoveryAddress(
        byTicket hash: [UInt8],
        of account: AccountID,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> EmailAddress {
        try await database.write { connection throws(StoreError) in
            try Self.lock([account], connection)
            let spent = try Self.spend(hash, .recoveryAddress, now, connection)
            guard spent.account == account else { throw .notFound }
            try Self.setRecoveryAddress(spent.address, of: account, audit, connection)
            return spent.address
        }
    }

    package func removeRecoveryAddress(of account: AccountID, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lock([account], connection)
            try Self.setRecoveryAddress(nil, of: account, audit, connection)
        }
    }

    private static func setRecoveryAddress(
        _ address: EmailAddress?,
        of account: AccountID,
        _ audit: AuditEvent,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let key: SQLValue = .integer(account.rawValue)
        let known = try connection.first("SELECT recovery_address FROM accounts WHERE account_id = $1", [key]) {
            row throws(StoreError) in row.optionalText(0) ?? ""
        }
        guard let known, address != nil || known != "" else { throw .notFound }
        try connection.execute(
            "UPDATE accounts SET recovery_address = $2 WHERE account_id = $1",
            [key, .optional(address?.description)]
        )
        try connection.execute("DELETE FROM account_tickets WHERE account_id = $1", [key])
        var audit = audit
        audit.detail =
            AuditDetail().changing(
                "recovery_address",
                from: known == "" ? nil : known,
                to: address?.description
            ).text
        try record(audit, connection)
    }

    package func resetPassword(
        byTicket hash: [UInt8],
        to passwordHash: String,
        keeping history: Int,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> AccountID {
        try await database.write { connection throws(StoreError) in
            let account = try Self.spend(hash, .passwordReset, now, connection).account
            try Self.changePassword(
                account,
                passwordHash,
                keeping: history,
                exceptSession: nil,
                now,
                connection
            )
            try Self.endSignIns(of: account, nil, connection)
            try Self.record(audit, connection)
            return account
        }
    }
}
