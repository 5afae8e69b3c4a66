import Database
package import MailModel
package import MailPorts

/// What people allow programs.
///
/// Invariant: a program that registered itself has a row while somebody allows it something, and no longer; whoever takes a
/// consent away holds the program's row, so that none is given meanwhile.
extension SQLStore {
    package func oauthConsent(of account: AccountID, to client: String) async throws(StoreError) -> OAuthConsent? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "\(Self.consentQuery) WHERE account_id = $1 AND oauth_consents.client_id = $2",
                [.integer(account.rawValue), .text(client)],
                Self.consent
            )
        }
    }

    package func oauthConsents(of account: AccountID) async throws(StoreError) -> [OAuthConsent] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.consentQuery) WHERE account_id = $1 ORDER BY name, oauth_consents.client_id",
                [.integer(account.rawValue)],
                Self.consent
            )
        }
    }

    package func giveOAuthConsent(
        of account: AccountID,
        to client: OAuthClient,
        scopes: [String],
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lock([account], connection)
            let key: [SQLValue] = [.integer(account.rawValue), .text(client.id)]
            if client.isSelfRegistered {
                try Self.keepSelfRegistered(client, key, connection)
            } else if try Self.client(client.id, connection) == nil {
                throw .notFound
            }
            let known = try connection.first(
                "SELECT scopes FROM oauth_consents WHERE account_id = $1 AND client_id = $2",
                key
            ) { row throws(StoreError) in Self.split(row.text(0)) }
            let all = Set(scopes).union(known ?? []).sorted()
            try connection.execute(
                """
                INSERT INTO oauth_consents (account_id, client_id, scopes, given_at) VALUES ($1, $2, $3, $4)
                ON CONFLICT (account_id, client_id) DO UPDATE SET scopes = $3, given_at = $4
                """,
                key + [.text(Self.joined(all)), .integer(audit.at.microseconds)]
            )
            try Self.record(audit, connection)
        }
    }

    package func withdrawOAuthConsent(
        of account: AccountID,
        from client: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            let key: [SQLValue] = [.integer(account.rawValue), .text(client)]
            let selfRegistered = try Self.lockSelfRegistered("client_id = $1", [.text(client)], connection)
            guard
                try connection.execute("DELETE FROM oauth_consents WHERE account_id = $1 AND client_id = $2", key) == 1
            else { throw .notFound }
            try Self.forgetAllowed("account_id = $1 AND client_id = $2", key, connection)
            try Self.endSessions(
                "account_id = $2 AND family IN (SELECT family FROM oauth_grants WHERE account_id = $2 AND client_id = $3)",
                key,
                now: now,
                connection
            )
            try Self.forgetUnused(selfRegistered, connection)
            try Self.record(audit, connection)
        }
    }

    /// Codes and devices that were let in and have not fetched their tokens yet: sessions to be, which end with those that are.
    static func forgetAllowed(
        _ condition: String,
        _ values: [SQLValue],
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute("DELETE FROM oauth_codes WHERE \(condition)", values)
        try connection.execute("DELETE FROM oauth_devices WHERE \(condition)", values)
    }

    // MARK: - Programs that registered themselves

    /// The row of the program, made if need be and held until the end of the transaction.
    private static func keepSelfRegistered(
        _ client: OAuthClient,
        _ key: [SQLValue],
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let others = try connection.first(
            """
            SELECT COUNT(*) FROM oauth_consents JOIN oauth_clients ON oauth_clients.client_id = oauth_consents.client_id
            WHERE account_id = $1 AND oauth_consents.client_id <> $2 AND is_self_registered = 1
            """,
            key
        ) { row throws(StoreError) in row.integer(0) }
        let most = OAuthClient.selfRegisteredPerAccount
        guard (others ?? 0) < most else {
            throw .refused("an account lets in at most \(most) programs that registered themselves")
        }
        let hold = " ON CONFLICT (client_id) DO UPDATE SET version = oauth_clients.version"
        try insert(client, orElse: hold, connection)
    }

    /// Holds the rows of programs that registered themselves, so that nobody allows them anything meanwhile.
    ///
    /// - Returns: their ids.
    static func lockSelfRegistered(
        _ condition: String,
        _ values: [SQLValue],
        _ connection: any SQLConnection
    ) throws(StoreError) -> [String] {
        let lock = connection.dialect.forUpdate
        return try connection.all(
            "SELECT client_id FROM oauth_clients WHERE is_self_registered = 1 AND \(condition) ORDER BY client_id\(lock)",
            values
        ) { row throws(StoreError) in row.text(0) }
    }

    /// Removes those that nobody allows anything.
    static func forgetUnused(_ clients: [String], _ connection: any SQLConnection) throws(StoreError) {
        for client in clients {
            try connection.execute(
                """
                DELETE FROM oauth_clients WHERE client_id = $1 AND is_self_registered = 1
                AND NOT EXISTS (SELECT 1 FROM oauth_consents WHERE oauth_consents.client_id = $1)
                """,
                [.text(client)]
            )
        }
    }

    // MARK: - Rows

    private static let consentQuery = """
        SELECT oauth_consents.client_id, name, oauth_consents.scopes, given_at FROM oauth_consents
        JOIN oauth_clients ON oauth_clients.client_id = oauth_consents.client_id
        """

    private static func consent(_ row: any SQLRow) throws(StoreError) -> OAuthConsent {
        OAuthConsent(
            client: row.text(0),
            clientName: row.text(1),
            scopes: split(row.text(2)),
            givenAt: Timestamp(microseconds: row.integer(3))
        )
    }
}
