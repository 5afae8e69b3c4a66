import Database
package import MailModel
package import MailPorts

extension SQLStore: SignUpStore {
    /// Before an address elsewhere, by which an account signs in and nothing else: no address of mail is written so, and its row is in
    /// no domain.
    static let outside = "outside:"

    /// The account that an address signs in to: its own row first, one elsewhere when there is none.
    ///
    /// `$1` is the address.
    static let signInHolder = """
        (SELECT account_id FROM addresses WHERE address IN ($1, '\(outside)' || $1) AND account_id IS NOT NULL
        ORDER BY CASE WHEN address = $1 THEN 0 ELSE 1 END LIMIT 1)
        """

    static let signUpColumns =
        "sign_up_id, organisation, written, display_name, state, created_at, expires_at, remote"

    static func signUp(_ row: any SQLRow) throws(StoreError) -> SignUp {
        SignUp(
            id: SignUpID(row.integer(0)),
            organisation: row.text(1),
            email: address(row.text(2)),
            displayName: row.text(3),
            state: SignUp.State(rawValue: row.text(4)) ?? .unverified,
            createdAt: Timestamp(microseconds: row.integer(5)),
            expiresAt: Timestamp(microseconds: row.integer(6)),
            remote: row.isNull(7) ? nil : IPAddress(row.text(7))
        )
    }

    package func addSignUp(
        _ new: SignUp,
        passwordHash: String?,
        tokenHash: [UInt8],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            try connection.execute(
                "DELETE FROM sign_ups WHERE expires_at <= $1",
                [.integer(new.createdAt.microseconds)]
            )
            let open = try connection.first("SELECT COUNT(*) FROM sign_ups") { row throws(StoreError) in row.integer(0)
            }
            guard (open ?? 0) < limit else { throw .refused("\(limit) sign-ups wait") }
            try connection.execute(
                """
                INSERT INTO sign_ups (
                    sign_up_id, token_hash, organisation, written, display_name, password_hash, state, created_at, expires_at, remote
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                """,
                [
                    .integer(try Self.next("sign_up", connection)), .bytes(tokenHash), .text(new.organisation),
                    .text(new.email.description), .text(new.displayName), .text(passwordHash ?? Self.noPassword),
                    .text(new.state.rawValue), .integer(new.createdAt.microseconds),
                    .integer(new.expiresAt.microseconds), .optional(new.remote?.description),
                ]
            )
            try Self.record(audit, connection)
        }
    }

    package func verifySignUp(
        byToken hash: [UInt8],
        choosing chosen: ChosenCredential?,
        decideBy: Timestamp?,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> SignUpOutcome {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            let values: [SQLValue] = [.bytes(hash), .integer(now.microseconds)]
            let condition = Self.openSignUp
            if let chosen { try Self.keep(chosen, of: hash, now, connection) }
            guard let decideBy else {
                let made = try Self.makeOrganisation("\(condition)", values, now, audit, connection)
                return .made(made.account)
            }
            try Self.requireFactor(of: hash, now, connection)
            let waits = try connection.first(
                """
                UPDATE sign_ups SET state = 'waiting', token_hash = NULL, expires_at = $3 WHERE \(condition)
                RETURNING \(Self.signUpColumns)
                """,
                values + [.integer(decideBy.microseconds)],
                Self.signUp
            )
            guard let waits else { throw .notFound }
            var audit = audit
            audit.actor = waits.email.canonical
            audit.subject = "sign-up \(waits.id)"
            audit.detail = Self.detail(of: waits)
            try Self.record(audit, connection)
            return .waits(waits)
        }
    }

    package func waitingSignUps(_ listing: SignUpListing, now: Timestamp) async throws(StoreError) -> [SignUp] {
        let key =
            switch listing.sort {
            case .createdAt: "created_at"
            case .organisation: "organisation"
            case .email: "LOWER(written)"
            }
        var statement = ListStatement(conditions: ["state = 'waiting'"])
        statement.require("expires_at >", .integer(now.microseconds))
        statement.require(["organisation", "written", "display_name"], contain: listing.text)
        let page = statement.page(listing, by: key, "sign_up_id")
        return try await all("SELECT \(Self.signUpColumns) FROM sign_ups\(page)", statement, Self.signUp)
    }

    package func approveSignUp(
        _ id: SignUpID,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> (signUp: SignUp, account: Account) {
        let made = try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            return try Self.makeOrganisation(
                "sign_up_id = $1 AND expires_at > $2 AND state = 'waiting'",
                [.integer(id.rawValue), .integer(now.microseconds)],
                now,
                audit,
                connection
            )
        }
        return (made.signUp, made.account)
    }

    package func refuseSignUp(
        _ id: SignUpID,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> SignUp {
        try await database.write { connection throws(StoreError) in
            let gone = try connection.first(
                """
                DELETE FROM sign_ups WHERE sign_up_id = $1 AND expires_at > $2 AND state = 'waiting'
                RETURNING \(Self.signUpColumns)
                """,
                [.integer(id.rawValue), .integer(now.microseconds)],
                Self.signUp
            )
            guard let gone else { throw .notFound }
            try Self.record(audit, connection)
            return gone
        }
    }

    // MARK: - Steps

    private struct MadeOrganisation: Sendable {
        var signUp: SignUp
        var account: Account
    }

    private static func detail(of signUp: SignUp) -> String {
        AuditDetail().adding("organisation", signUp.organisation).adding("owner", signUp.email.canonical).text
    }

    /// Spends the sign-up that the condition finds; `.alreadyExists` when its address has an account or a domain here meanwhile.
    private static func makeOrganisation(
        _ condition: String,
        _ values: [SQLValue],
        _ now: Timestamp,
        _ audit: AuditEvent,
        _ connection: any SQLConnection
    ) throws(StoreError) -> MadeOrganisation {
        let spent = try connection.first(
            "DELETE FROM sign_ups WHERE \(condition) RETURNING \(signUpColumns), password_hash, passkey, account_number",
            values
        ) { row throws(StoreError) in
            (
                signUp: try signUp(row), hash: known(row.text(8)), passkey: row.optionalText(9),
                number: row.optionalInteger(10).map { AccountID($0) }
            )
        }
        guard let spent else { throw .notFound }
        guard spent.hash != nil || spent.passkey != nil else { throw .refused(nothingChosen) }
        let email = spent.signUp.email
        let isTaken = try connection.first(
            "SELECT 1 WHERE \(signInHolder) IS NOT NULL OR EXISTS (SELECT 1 FROM domains WHERE name = $2)",
            [.text(email.canonical), .text(email.domain)]
        ) { _ throws(StoreError) in true }
        guard isTaken != true else { throw .alreadyExists }
        let organisation = try insertOrganisation(spent.signUp.organisation, now, connection)
        let account = try insertOwner(spent.signUp, spent.hash, as: spent.number, of: organisation, now, connection)
        if let passkey = spent.passkey { try add(try waitingPasskey(passkey), now, connection) }
        var audit = audit
        if audit.actor.utf8.isEmpty { audit.actor = email.canonical }
        audit.subject = "organisation \(organisation)"
        audit.detail = detail(of: spent.signUp)
        try record(audit, of: organisation, connection)
        return MadeOrganisation(signUp: spent.signUp, account: account)
    }

    private static func insertOwner(
        _ signUp: SignUp,
        _ passwordHash: String?,
        as number: AccountID?,
        of organisation: OrganisationID,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Account {
        let key = outside + signUp.email.canonical
        let id: AccountID
        if let number { id = number } else { id = AccountID(try next("account", connection)) }
        try connection.execute(
            "INSERT INTO addresses (address, domain, written, account_id) VALUES ($1, '', $2, $3)",
            [.text(key), .text(signUp.email.description), .integer(id.rawValue)]
        )
        let new = NewAccount(
            organisation: organisation,
            address: signUp.email,
            displayName: signUp.displayName,
            role: .owner,
            passwordHash: passwordHash
        )
        try insertRows(of: new, as: id, key: key, domain: "", now, connection)
        // Reading the token proved it.
        try connection.execute(
            "UPDATE accounts SET recovery_address = $2 WHERE account_id = $1",
            [.integer(id.rawValue), .text(signUp.email.description)]
        )
        guard let made = try account(id, connection) else { throw .notFound }
        return made
    }
}
