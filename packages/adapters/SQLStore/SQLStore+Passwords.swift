import Database
package import MailModel
package import MailPorts

extension SQLStore {
    /// In place of a hash, for accounts without a password.
    ///
    /// No hash of libsodium's: releases that know no such accounts find that no password fits.
    static let noPassword = "!"

    private struct CredentialRow: Sendable {
        var account: Account
        var hash: String
    }

    package func credential(
        for address: EmailAddress
    ) async throws(StoreError) -> (account: Account, passwordHash: String?)? {
        let found = try await database.read { connection throws(StoreError) -> CredentialRow? in
            let account = try connection.first(
                """
                \(Self.accountQuery) WHERE accounts.account_id = \(Self.signInHolder)
                AND \(Self.accountStatus) = 'active'
                AND NOT EXISTS (SELECT 1 FROM shared_accounts WHERE shared_accounts.account_id = accounts.account_id)
                """,
                [.text(address.canonical)],
                Self.account
            )
            guard let account, let hash = try Self.passwordHash(of: account.id, connection) else { return nil }
            return CredentialRow(account: account, hash: hash)
        }
        return found.map { ($0.account, Self.known($0.hash)) }
    }

    package func setPassword(_ id: AccountID, hash: String, replacing old: String) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                "UPDATE credentials SET password_hash = $2, changed_at = $3 WHERE account_id = $1 AND password_hash = $4",
                [.integer(id.rawValue), .text(hash), .integer(now.microseconds), .text(old)]
            )
            guard changed == 1 else { throw .notFound }
        }
    }

    package func changePassword(
        _ id: AccountID,
        hash: String,
        keeping history: Int,
        exceptSession family: String?,
        audit: AuditEvent?
    ) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            try Self.changePassword(id, hash, keeping: history, exceptSession: family, now, connection)
            try Self.endSignIns(of: id, .password, connection)
            if let audit { try Self.record(audit, connection) }
        }
    }

    package func removePassword(
        _ id: AccountID,
        keeping history: Int,
        exceptSession family: String?,
        evenIfOnlyWayIn: Bool,
        audit: AuditEvent
    ) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            // The password and the last passkey, taken away at once, take turns.
            try Self.lock([id], connection)
            guard try Self.hasPassword(id, connection) else { throw .notFound }
            let hasWayIn = try Self.hasWayIn(id, connection)
            guard evenIfOnlyWayIn || hasWayIn else {
                throw .refused("the account has no passkey that has verified its user: the password is its only way in")
            }
            try Self.changePassword(id, nil, keeping: history, exceptSession: family, now, connection)
            try Self.endSignIns(of: id, .password, connection)
            try Self.record(audit, connection)
        }
    }

    /// Ends HTTP sessions but one; tokens for another new password are void.
    ///
    /// - Parameter hash: nil: the account has no password from now on.
    static func changePassword(
        _ id: AccountID,
        _ hash: String?,
        keeping history: Int,
        exceptSession family: String?,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let key: SQLValue = .integer(id.rawValue)
        try lock([id], connection)
        guard let old = try passwordHash(of: id, connection) else { throw .notFound }
        if let old = known(old) {
            try connection.execute(
                "INSERT INTO password_history (account_id, number, password_hash) VALUES ($1, $2, $3)",
                [key, .integer(try next("password_history", connection)), .text(old)]
            )
        }
        try connection.execute(
            """
            DELETE FROM password_history WHERE account_id = $1 AND number NOT IN (
                SELECT number FROM password_history WHERE account_id = $1 ORDER BY number DESC LIMIT $2
            )
            """,
            [key, .integer(Int64(history))]
        )
        try connection.execute(
            "UPDATE credentials SET password_hash = $2, changed_at = $3 WHERE account_id = $1",
            [key, .text(hash ?? noPassword), .integer(now.microseconds)]
        )
        try endSessions("account_id = $2 AND family <> $3", [key, .text(family ?? "")], now: now, connection)
        try forgetAllowed("account_id = $1", [key], connection)
        try connection.execute(
            "DELETE FROM account_tickets WHERE account_id = $1 AND purpose = 'password-reset'",
            [key]
        )
    }

    package func passwordHistory(of id: AccountID, limit: Int) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in
            let present = try Self.passwordHash(of: id, connection).flatMap { Self.known($0) }
            let earlier = try connection.all(
                "SELECT password_hash FROM password_history WHERE account_id = $1 ORDER BY number DESC LIMIT $2",
                [.integer(id.rawValue), .integer(Int64(limit))]
            ) { row throws(StoreError) in row.text(0) }
            return Array(([present].compactMap(\.self) + earlier).prefix(limit))
        }
    }

    // MARK: - Ways in

    static func hasPassword(_ id: AccountID, _ connection: any SQLConnection) throws(StoreError) -> Bool {
        try passwordHash(of: id, connection).flatMap { known($0) } != nil
    }

    /// Whether somebody signs in to the account without a password: by a passkey that has verified its user, by the domain's
    /// identity provider, or by its directory.
    static func hasWayIn(_ id: AccountID, _ connection: any SQLConnection) throws(StoreError) -> Bool {
        let key: [SQLValue] = [.integer(id.rawValue)]
        let hasPasskey = try connection.first(
            "SELECT 1 FROM passkeys WHERE account_id = $1 AND verifies_user = 1 LIMIT 1",
            key
        ) { _ throws(StoreError) in true }
        if hasPasskey == true { return true }
        let links = try connection.all(
            """
            SELECT accounts.role, provider_connections.set_by FROM accounts
            JOIN provider_links ON provider_links.account_id = accounts.account_id AND provider_links.domain = accounts.domain
            JOIN provider_connections ON provider_connections.domain = provider_links.domain
            WHERE accounts.account_id = $1
            """,
            key
        ) { row throws(StoreError) in (role: Role(rawValue: row.text(0)), setBy: Role(rawValue: row.text(1))) }
        let people = try connection.all(
            """
            SELECT accounts.role, directory_connections.set_by FROM accounts
            JOIN directory_people ON directory_people.account_id = accounts.account_id AND directory_people.domain = accounts.domain
            JOIN directory_connections ON directory_connections.domain = directory_people.domain
            WHERE accounts.account_id = $1
            """,
            key
        ) { row throws(StoreError) in (role: Role(rawValue: row.text(0)), setBy: Role(rawValue: row.text(1))) }
        return (links + people).contains { link in
            guard let role = link.role, let setBy = link.setBy else { return false }
            return role.rank <= setBy.rank
        }
    }

    /// As the row has it; nil when there is no such account.
    private static func passwordHash(
        of id: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> String? {
        try connection.first("SELECT password_hash FROM credentials WHERE account_id = $1", [.integer(id.rawValue)]) {
            row throws(StoreError) in row.text(0)
        }
    }

    static func known(_ hash: String) -> String? { hash.utf8.elementsEqual(noPassword.utf8) ? nil : hash }
}
