import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func signInPolicy(of organisation: OrganisationID) async throws(StoreError) -> SignInPolicyRecord {
        try await database.read { connection throws(StoreError) in try Self.signInPolicy(organisation, connection) }
    }

    private static func signInPolicy(
        _ organisation: OrganisationID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> SignInPolicyRecord {
        let kept = try connection.first(
            """
            SELECT version, minimum_length, history, asks_breached_list, needs_second_factor, changed_at
            FROM sign_in_policies WHERE organisation_id = $1
            """,
            [.integer(organisation.rawValue)]
        ) { row throws(StoreError) in
            SignInPolicyRecord(
                version: row.integer(0),
                policy: SignInPolicy(
                    minimumLength: row.optionalInteger(1).map { Int($0) },
                    history: row.optionalInteger(2).map { Int($0) },
                    asksBreachedList: row.integer(3) != 0,
                    needsSecondFactor: row.integer(4) != 0
                ),
                changedAt: Timestamp(microseconds: row.integer(5))
            )
        }
        return kept ?? SignInPolicyRecord()
    }

    package func setSignInPolicy(
        _ policy: SignInPolicy,
        of id: OrganisationID,
        replacing expected: Int64,
        audit: AuditEvent
    ) async throws(StoreError) -> SignInPolicyRecord {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            let isThere = try connection.first(
                "SELECT 1 FROM organisations WHERE organisation_id = $1",
                [.integer(id.rawValue)]
            ) { _ throws(StoreError) in true }
            guard isThere == true else { throw .notFound }
            let before = try Self.signInPolicy(id, connection)
            guard before.version == expected else { throw .alreadyExists }
            try connection.execute(
                """
                INSERT INTO sign_in_policies (
                    organisation_id, version, minimum_length, history, asks_breached_list, needs_second_factor, changed_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (organisation_id) DO UPDATE SET version = $2, minimum_length = $3, history = $4,
                asks_breached_list = $5, needs_second_factor = $6, changed_at = $7
                """,
                [
                    .integer(id.rawValue), .integer(before.version + 1),
                    .optional(policy.minimumLength.map { Int64($0) }),
                    .optional(policy.history.map { Int64($0) }), .integer(policy.asksBreachedList ? 1 : 0),
                    .integer(policy.needsSecondFactor ? 1 : 0), .integer(now.microseconds),
                ]
            )
            if policy.needsSecondFactor, !before.policy.needsSecondFactor {
                try Self.endSignInsWithoutFactor(ofOrganisation: id, connection)
            }
            var audit = audit
            audit.detail = Self.detail(from: before.policy, to: policy)
            try Self.record(audit, of: id, connection)
            return SignInPolicyRecord(version: before.version + 1, policy: policy, changedAt: now)
        }
    }

    private static func detail(from before: SignInPolicy, to after: SignInPolicy) -> String {
        func number(_ value: Int?) -> String { value.map { "\($0)" } ?? "platform" }
        func word(_ value: Bool) -> String { value ? "on" : "off" }
        return AuditDetail()
            .changing("minimum_length", from: number(before.minimumLength), to: number(after.minimumLength))
            .changing("history", from: number(before.history), to: number(after.history))
            .changing("breached_list", from: word(before.asksBreachedList), to: word(after.asksBreachedList))
            .changing("second_factor", from: word(before.needsSecondFactor), to: word(after.needsSecondFactor)).text
    }

    /// Mail sessions, whatever they signed in with: programs come back at once with app passwords.
    private static func endSignInsWithoutFactor(
        ofOrganisation id: OrganisationID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.takeTurn(.notices)
        try connection.execute(
            """
            INSERT INTO sign_in_endings (account_id, credential)
            SELECT account_id, NULL FROM accounts WHERE organisation_id = $1
            AND NOT (\(hasFactor("accounts.account_id"))) ORDER BY account_id
            """,
            [.integer(id.rawValue)]
        )
    }

    // MARK: - Standing

    /// Whether the account of that column has a second factor that it has confirmed.
    static func hasFactor(_ account: String) -> String {
        """
        EXISTS (SELECT 1 FROM second_factors WHERE second_factors.account_id = \(account) AND confirmed_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM passkeys WHERE passkeys.account_id = \(account))
        """
    }

    /// Whether the organisation of that column's account demands a second factor.
    static func isFactorDemanded(_ account: String) -> String {
        """
        EXISTS (SELECT 1 FROM accounts AS demanded JOIN sign_in_policies
        ON sign_in_policies.organisation_id = demanded.organisation_id
        WHERE demanded.account_id = \(account) AND needs_second_factor = 1)
        """
    }

    package func factorStanding(of account: AccountID) async throws(StoreError) -> FactorStanding {
        try await database.read { connection throws(StoreError) in
            FactorStanding(
                kinds: try Self.kinds(of: account, connection),
                isDemanded: try Self.isFactorDemanded(of: account, connection)
            )
        }
    }

    static func isFactorDemanded(
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Bool {
        try connection.first(
            "SELECT 1 WHERE \(isFactorDemanded("$1"))",
            [.integer(account.rawValue)]
        ) { _ throws(StoreError) in true } == true
    }

    /// After a factor was taken away: `.refused` when it was the last and one is demanded; the codes of no factor go.
    static func checkFactorsLeft(
        of account: AccountID,
        evenIfDemanded: Bool,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        guard try kinds(of: account, connection).isEmpty else { return }
        let isKept = try isFactorDemanded(of: account, connection) && !evenIfDemanded
        guard !isKept else {
            throw .refused("the organisation demands a second factor: this is the last one")
        }
        try connection.execute("DELETE FROM recovery_codes WHERE account_id = $1", [.integer(account.rawValue)])
    }

    package func worth(ofFamily family: String) async throws(StoreError) -> SessionWorth {
        try await database.read { connection throws(StoreError) in
            let isFull = try connection.first(
                """
                SELECT CASE WHEN acting_family IS NOT NULL THEN 1 WHEN by_provider IS NOT NULL OR NOT \(Self.isFactorDemanded("session.account_id")) THEN 1
                WHEN NOT (\(Self.hasFactor("session.account_id"))) THEN 0
                WHEN EXISTS (
                    SELECT 1 FROM oauth_grants WHERE oauth_grants.family = session.family
                    AND ' ' || methods || ' ' NOT LIKE '% mfa %'
                ) THEN 0 ELSE 1 END
                FROM token_families AS session WHERE family = $1 AND revoked_at IS NULL
                AND (acting_family IS NULL OR \(Self.actorIsSignedIn))
                """,
                [.text(family)]
            ) { row throws(StoreError) in row.integer(0) == 1 }
            guard let isFull else { return .ended }
            return isFull ? .full : .limited
        }
    }
}
