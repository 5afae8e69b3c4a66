import Database
package import MailModel
package import MailPorts

extension SQLStore: OAuthGrantStore {
    package func addAuthorizationCode(_ code: AuthorizationCode) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            let account: SQLValue = .integer(code.authentication.account.rawValue)
            // A code that is used a second time is known as long as what it gave may live; a day is longer than an access token's.
            try connection.execute(
                "DELETE FROM oauth_codes WHERE account_id = $1 AND expires_at <= $2",
                [account, .integer(now.adding(seconds: -86_400).microseconds)]
            )
            try connection.execute(
                """
                INSERT INTO oauth_codes (code_hash, account_id, client_id, redirect_uri, scopes, challenge, nonce, authenticated_at,
                    methods, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                """,
                [
                    .bytes(code.hash), account, .text(code.client), .text(code.redirectURI),
                    .text(Self.joined(code.scopes)), .optional(code.challenge), .optional(code.nonce),
                    .integer(code.authentication.at.microseconds), .text(Self.joined(code.authentication.methods)),
                    .integer(code.expiresAt.microseconds),
                ]
            )
        }
    }

    package func spendAuthorizationCode(
        _ hash: [UInt8],
        now: Timestamp,
        alarm: AuditEvent
    ) async throws(StoreError) -> CodeOutcome {
        try await database.write { connection throws(StoreError) in
            let key: [SQLValue] = [.bytes(hash), .integer(now.microseconds)]
            let spent = try connection.first(
                """
                UPDATE oauth_codes SET spent_at = $2 WHERE code_hash = $1 AND spent_at IS NULL AND expires_at > $2
                RETURNING account_id, client_id, redirect_uri, scopes, challenge, nonce, authenticated_at, methods, expires_at
                """,
                key
            ) { row throws(StoreError) in
                AuthorizationCode(
                    hash: hash,
                    client: row.text(1),
                    redirectURI: row.text(2),
                    scopes: Self.split(row.text(3)),
                    challenge: row.optionalText(4),
                    nonce: row.optionalText(5),
                    authentication: Authentication(
                        account: AccountID(row.integer(0)),
                        at: Timestamp(microseconds: row.integer(6)),
                        methods: Self.split(row.text(7))
                    ),
                    expiresAt: Timestamp(microseconds: row.integer(8))
                )
            }
            if let spent { return .good(spent) }
            let known = try connection.first(
                """
                UPDATE oauth_codes SET reused_at = $2 WHERE code_hash = $1 AND spent_at IS NOT NULL RETURNING account_id, family
                """,
                key
            ) { row throws(StoreError) in (account: AccountID(row.integer(0)), family: row.optionalText(1)) }
            guard let known else { return .unknown }
            if let family = known.family { try Self.endSessions("family = $2", [.text(family)], now: now, connection) }
            try Self.record(alarm, about: known.account, connection)
            return .reused(account: known.account)
        }
    }

    package func addOAuthGrant(
        _ grant: OAuthGrant,
        token: RefreshToken,
        ofCode code: [UInt8]?,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let account: SQLValue = .integer(token.account.rawValue)
            if let code {
                let isGood = try connection.execute(
                    "UPDATE oauth_codes SET family = $2 WHERE code_hash = $1 AND reused_at IS NULL",
                    [.bytes(code), .text(grant.family)]
                )
                guard isGood == 1 else { throw .refused("the code was used twice") }
            }
            // Its removal waits, so that no session is left over.
            if let client = grant.client, try Self.client(client, isLocked: true, connection) == nil { throw .notFound }
            try Self.begin(token, connection)
            try connection.execute(
                "DELETE FROM oauth_grants WHERE account_id = $1 AND family NOT IN (SELECT family FROM token_families WHERE account_id = $1)",
                [account]
            )
            try connection.execute(
                """
                INSERT INTO oauth_grants (family, account_id, client_id, scopes, authenticated_at, methods)
                VALUES ($1, $2, $3, $4, $5, $6)
                """,
                [
                    .text(grant.family), account, .optional(grant.client), .text(Self.joined(grant.scopes)),
                    .integer(grant.authentication.at.microseconds), .text(Self.joined(grant.authentication.methods)),
                ]
            )
            try Self.record(audit, connection)
        }
    }

    private static let grantQuery = """
        SELECT oauth_grants.family, oauth_grants.client_id, oauth_grants.scopes, oauth_grants.account_id, authenticated_at, methods
        FROM oauth_grants
        """

    private static func grant(_ row: any SQLRow) throws(StoreError) -> OAuthGrant {
        OAuthGrant(
            family: row.text(0),
            client: row.optionalText(1),
            scopes: split(row.text(2)),
            authentication: Authentication(
                account: AccountID(row.integer(3)),
                at: Timestamp(microseconds: row.integer(4)),
                methods: split(row.text(5))
            )
        )
    }

    package func oauthGrant(ofFamily family: String) async throws(StoreError) -> OAuthGrant? {
        try await database.read { connection throws(StoreError) in
            try connection.first("\(Self.grantQuery) WHERE family = $1", [.text(family)], Self.grant)
        }
    }

    package func browserSession(tokenHash: [UInt8], now: Timestamp) async throws(StoreError) -> OAuthGrant? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                \(Self.grantQuery) JOIN refresh_tokens ON refresh_tokens.family = oauth_grants.family
                JOIN token_families ON token_families.family = oauth_grants.family
                WHERE token_hash = $1 AND expires_at > $2 AND spent_at IS NULL AND revoked_at IS NULL AND client_id IS NULL
                """,
                [.bytes(tokenHash), .integer(now.microseconds)],
                Self.grant
            )
        }
    }
}
