import Database
package import MailModel
package import MailPorts

extension SQLStore: RegistrationStore {
    static let registrationColumns =
        "registration_id, written, contact, display_name, state, created_at, expires_at, remote"

    static func registration(_ row: any SQLRow) throws(StoreError) -> Registration {
        Registration(
            id: RegistrationID(row.integer(0)),
            address: address(row.text(1)),
            contact: address(row.text(2)),
            displayName: row.text(3),
            state: Registration.State(rawValue: row.text(4)) ?? .unverified,
            createdAt: Timestamp(microseconds: row.integer(5)),
            expiresAt: Timestamp(microseconds: row.integer(6)),
            remote: row.isNull(7) ? nil : IPAddress(row.text(7))
        )
    }

    package func addRegistration(
        _ new: Registration,
        tokenHash: [UInt8],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            try connection.execute(
                "DELETE FROM registrations WHERE expires_at <= $1",
                [.integer(new.createdAt.microseconds)]
            )
            let kept = try connection.first(
                "SELECT COUNT(*) FROM registrations WHERE domain = $1",
                [.text(new.address.domain)]
            ) { row throws(StoreError) in row.integer(0) }
            guard (kept ?? 0) < limit else { throw .refused("\(limit) registrations are kept") }
            try connection.execute(
                """
                INSERT INTO registrations (
                    registration_id, token_hash, domain, written, contact, display_name, password_hash, state, created_at,
                    expires_at, remote
                ) VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8, $9, $10)
                """,
                [
                    .integer(try Self.next("registration", connection)), .bytes(tokenHash), .text(new.address.domain),
                    .text(new.address.description), .text(new.contact.description), .text(new.displayName),
                    .text(new.state.rawValue), .integer(new.createdAt.microseconds),
                    .integer(new.expiresAt.microseconds), .optional(new.remote?.description),
                ]
            )
            try Self.record(audit, connection)
        }
    }

    package func registration(byToken hash: [UInt8], now: Timestamp) async throws(StoreError) -> Registration? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT \(Self.registrationColumns) FROM registrations
                WHERE token_hash = $1 AND expires_at > $2 AND state = 'unverified'
                """,
                [.bytes(hash), .integer(now.microseconds)],
                Self.registration
            )
        }
    }

    package func verifyRegistration(
        byToken hash: [UInt8],
        making account: RegisteredAccount,
        decideBy: Timestamp,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> RegistrationOutcome {
        try await database.write { [self] connection throws(StoreError) in
            try connection.takeTurn(.people)
            // Of two that spend one token at once the second finds none.
            let known = try connection.first(
                """
                UPDATE registrations SET token_hash = NULL
                WHERE token_hash = $1 AND expires_at > $2 AND state = 'unverified' RETURNING \(Self.registrationColumns)
                """,
                [.bytes(hash), .integer(now.microseconds)],
                Self.registration
            )
            guard let known else { throw .notFound }
            var audit = audit
            (audit.actor, audit.subject) = (known.contact.canonical, known.address.canonical)
            switch try registrationMode(of: known.address.domain, connection) {
            case .closed: throw .refused("\(known.address.domain) takes no registrations")
            case .open:
                audit.action = "registration.complete"
                return .made(try Self.makeRegistered(known, account, now, audit, connection))
            case .approval:
                if let passkey = account.passkey {
                    guard try Self.accountNumber(of: known.id, connection) == passkey.passkey.account else {
                        throw .notFound
                    }
                }
                audit.action = "registration.verified"
                return .waits(try Self.wait(known, account, until: decideBy, audit, connection))
            }
        }
    }

    private static func wait(
        _ known: Registration,
        _ account: RegisteredAccount,
        until decideBy: Timestamp,
        _ audit: AuditEvent,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Registration {
        try connection.execute(
            """
            UPDATE registrations SET state = 'waiting', password_hash = $2, expires_at = $3, passkey = $4
            WHERE registration_id = $1
            """,
            [
                .integer(known.id.rawValue), .optional(account.passwordHash), .integer(decideBy.microseconds),
                .optional(try account.passkey.map { new throws(StoreError) in try text(ofWaiting: new) }),
            ]
        )
        var audit = audit
        audit.detail = detail(of: known)
        try record(audit, connection)
        var waits = known
        (waits.state, waits.expiresAt) = (.waiting, decideBy)
        return waits
    }

    private static let ownDomain = """
        ($3 = 0 OR EXISTS (
            SELECT 1 FROM domains WHERE domains.name = registrations.domain AND organisation_id = $3 AND domains.status <> 'deleted'
        ))
        """

    package func waitingRegistrations(
        _ listing: RegistrationListing,
        now: Timestamp
    ) async throws(StoreError) -> [Registration] {
        let key =
            switch listing.sort {
            case .createdAt: "created_at"
            case .email: "LOWER(written)"
            }
        var statement = ListStatement(conditions: ["state = 'waiting'"])
        statement.require("expires_at >", .integer(now.microseconds))
        if let organisation = listing.organisation {
            let owner = statement.value(.integer(organisation.rawValue))
            statement.conditions.append(
                """
                domain IN (SELECT name FROM domains WHERE organisation_id = \(owner) AND status <> 'deleted')
                """
            )
        }
        statement.require("domain =", listing.domain.map { .text(EmailAddress.lowercased($0)) })
        statement.require(["written", "contact", "display_name"], contain: listing.text)
        let page = statement.page(listing, by: key, "registration_id")
        return try await all(
            "SELECT \(Self.registrationColumns) FROM registrations\(page)",
            statement,
            Self.registration
        )
    }

    package func approveRegistration(
        _ id: RegistrationID,
        of organisation: OrganisationID?,
        making account: RegisteredAccount,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> (registration: Registration, account: Account) {
        let made = try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            let values: [SQLValue] = [
                .integer(id.rawValue), .integer(now.microseconds), .integer(organisation?.rawValue ?? 0),
            ]
            let known = try connection.first(
                """
                SELECT \(Self.registrationColumns), password_hash, passkey FROM registrations
                WHERE registration_id = $1 AND expires_at > $2 AND \(Self.ownDomain) AND state = 'waiting'
                """,
                values
            ) { row throws(StoreError) in
                (registration: try Self.registration(row), hash: row.optionalText(8), passkey: row.optionalText(9))
            }
            guard let known else { throw .notFound }
            var account = account
            account.passwordHash = known.hash
            account.passkey = try known.passkey.map { text throws(StoreError) in try Self.waitingPasskey(text) }
            var audit = audit
            audit.subject = known.registration.address.canonical
            let made = try Self.makeRegistered(known.registration, account, now, audit, connection)
            return MadeAccount(registration: known.registration, account: made)
        }
        return (made.registration, made.account)
    }

    package func refuseRegistration(
        _ id: RegistrationID,
        of organisation: OrganisationID?,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Registration {
        try await database.write { connection throws(StoreError) in
            let gone = try connection.first(
                """
                DELETE FROM registrations WHERE registration_id = $1 AND expires_at > $2 AND \(Self.ownDomain)
                AND state = 'waiting' RETURNING \(Self.registrationColumns)
                """,
                [.integer(id.rawValue), .integer(now.microseconds), .integer(organisation?.rawValue ?? 0)],
                Self.registration
            )
            guard let gone else { throw .notFound }
            var audit = audit
            audit.subject = gone.address.canonical
            try Self.record(audit, connection)
            return gone
        }
    }

    // MARK: - Steps

    private struct MadeAccount: Sendable {
        var registration: Registration
        var account: Account
    }

    private static func detail(of known: Registration) -> String {
        AuditDetail().adding("registration", known.id.rawValue).adding("contact", known.contact.canonical).text
    }

    /// The registration goes, and its account comes.
    private static func makeRegistered(
        _ known: Registration,
        _ account: RegisteredAccount,
        _ now: Timestamp,
        _ audit: AuditEvent,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Account {
        guard account.passwordHash != nil || account.passkey != nil else { throw .notFound }
        let number = try accountNumber(of: known.id, connection)
        if let passkey = account.passkey, passkey.passkey.account != number { throw .notFound }
        let owner = try requireRegistrable(known.address, now, connection)
        try connection.execute(
            "DELETE FROM registrations WHERE registration_id = $1",
            [.integer(known.id.rawValue)]
        )
        let new = NewAccount(
            organisation: owner,
            address: known.address,
            displayName: known.displayName,
            passwordHash: account.passwordHash,
            quotaBytes: account.quotaBytes
        )
        let made = try insert(new, as: number, now, connection)
        if let passkey = account.passkey { try add(passkey, now, connection) }
        // Reading the token proved it.
        try connection.execute(
            "UPDATE accounts SET recovery_address = $2 WHERE account_id = $1",
            [.integer(made.id.rawValue), .text(known.contact.description)]
        )
        var audit = audit
        audit.detail = detail(of: known)
        try record(audit, of: owner, connection)
        return made
    }

    /// What the domain's policy says in this transaction.
    private func registrationMode(
        of domain: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> DomainPolicy.Registration {
        let row = try Self.policyRow(domain, connection)
        guard row?.version != nil else { return .closed }
        return try decode(row?.text, domain).registration ?? .closed
    }
}
