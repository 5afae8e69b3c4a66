import Database
package import MailModel
package import MailPorts

extension SQLStore: InvitationStore {
    static let invitationColumns = """
        invitation_id, organisation_id, written, contact, display_name, role, invited_by, created_at, expires_at
        """

    static func invitation(_ row: any SQLRow) throws(StoreError) -> Invitation {
        Invitation(
            id: InvitationID(row.integer(0)),
            organisation: OrganisationID(row.integer(1)),
            address: address(row.text(2)),
            contact: row.optionalText(3).map { address($0) },
            displayName: row.text(4),
            role: Role(rawValue: row.text(5)) ?? .member,
            invitedBy: row.text(6),
            createdAt: Timestamp(microseconds: row.integer(7)),
            expiresAt: Timestamp(microseconds: row.integer(8))
        )
    }

    package func addInvitation(
        _ new: Invitation,
        tokenHash: [UInt8],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> Invitation {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            try connection.execute(
                "DELETE FROM invitations WHERE expires_at <= $2 AND (organisation_id = $1 OR address = $3)",
                [
                    .integer(new.organisation.rawValue), .integer(new.createdAt.microseconds),
                    .text(new.address.canonical),
                ]
            )
            try Self.requireActiveDomain(new.address.domain, of: new.organisation, connection)
            let isTaken = try connection.first(
                "SELECT 1 FROM addresses WHERE address = $1",
                [.text(new.address.canonical)]
            ) { _ throws(StoreError) in true }
            guard isTaken != true else { throw .alreadyExists }
            let open = try connection.first(
                "SELECT COUNT(*) FROM invitations WHERE organisation_id = $1",
                [.integer(new.organisation.rawValue)]
            ) { row throws(StoreError) in row.integer(0) }
            guard (open ?? 0) < limit else { throw .refused("the organisation has \(limit) open invitations") }
            var made = new
            made.id = InvitationID(try Self.next("invitation", connection))
            try Self.insert(made, tokenHash, connection)
            try Self.record(audit, of: new.organisation, connection)
            return made
        }
    }

    /// For an account that was made this moment, in place of one that has expired.
    static func invite(
        _ account: Account,
        _ new: NewAccount.Invitation,
        _ audit: AuditEvent?,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try requireActiveDomain(account.primaryAddress.domain, of: account.organisation, connection)
        try connection.execute(
            "DELETE FROM invitations WHERE address = $1 AND expires_at <= $2",
            [.text(account.primaryAddress.canonical), .integer(now.microseconds)]
        )
        let made = Invitation(
            id: InvitationID(try next("invitation", connection)),
            organisation: account.organisation,
            address: account.primaryAddress,
            contact: nil,
            displayName: account.displayName,
            role: account.role,
            invitedBy: audit?.actor ?? "",
            createdAt: now,
            expiresAt: new.expiresAt
        )
        try insert(made, new.tokenHash, for: account.id, connection)
        guard var audit else { return }
        audit.action = "invitation.add"
        audit.detail = AuditDetail().adding("role", made.role.rawValue).text
        try record(audit, of: made.organisation, connection)
    }

    /// - Parameter account: the one that is there already, and has no password that anybody knows.
    static func insert(
        _ made: Invitation,
        _ tokenHash: [UInt8],
        for account: AccountID? = nil,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO invitations (
                invitation_id, token_hash, organisation_id, address, written, contact, display_name, role, invited_by, created_at,
                expires_at, account_id
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            """,
            [
                .integer(made.id.rawValue), .bytes(tokenHash), .integer(made.organisation.rawValue),
                .text(made.address.canonical), .text(made.address.description),
                .optional(made.contact?.description), .text(made.displayName), .text(made.role.rawValue),
                .text(made.invitedBy), .integer(made.createdAt.microseconds), .integer(made.expiresAt.microseconds),
                .optional(account?.rawValue),
            ]
        )
    }

    static func requireActiveDomain(
        _ name: String,
        of organisation: OrganisationID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let isActive = try connection.first(
            "SELECT 1 FROM domains WHERE name = $1 AND organisation_id = $2 AND status = 'active'",
            [.text(name), .integer(organisation.rawValue)]
        ) { _ throws(StoreError) in true }
        guard isActive == true else { throw .refused("\(name) is no verified domain of the organisation") }
    }

    package func invitations(
        _ listing: InvitationListing,
        now: Timestamp
    ) async throws(StoreError) -> [Invitation] {
        let key =
            switch listing.sort {
            case .createdAt: "created_at"
            case .expiresAt: "expires_at"
            case .email: "address"
            }
        var statement = ListStatement()
        statement.require("organisation_id =", .integer(listing.organisation.rawValue))
        statement.require("expires_at >", .integer(now.microseconds))
        statement.require("role =", listing.role.map { .text($0.rawValue) })
        statement.require(["address", "contact", "display_name"], contain: listing.text)
        let page = statement.page(listing, by: key, "invitation_id")
        return try await all("SELECT \(Self.invitationColumns) FROM invitations\(page)", statement, Self.invitation)
    }

    static let openInvitation = """
        token_hash = $1 AND expires_at > $2 AND NOT EXISTS (
            SELECT 1 FROM organisations WHERE organisations.organisation_id = invitations.organisation_id
            AND organisations.status = 'suspended'
        )
        """

    package func invitation(byToken hash: [UInt8], now: Timestamp) async throws(StoreError) -> Invitation? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT \(Self.invitationColumns) FROM invitations WHERE \(Self.openInvitation)",
                [.bytes(hash), .integer(now.microseconds)],
                Self.invitation
            )
        }
    }

    package func renewInvitation(
        _ id: InvitationID,
        of organisation: OrganisationID,
        upTo limit: Role,
        contact: Edit<EmailAddress>,
        tokenHash: [UInt8],
        expiresAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Invitation {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            let key: [SQLValue] = [.integer(id.rawValue), .integer(organisation.rawValue)]
            let found = try connection.first(
                """
                SELECT \(Self.invitationColumns), account_id FROM invitations
                WHERE invitation_id = $1 AND organisation_id = $2\(connection.dialect.forUpdate)
                """,
                key
            ) { row throws(StoreError) in (invitation: try Self.invitation(row), account: row.optionalInteger(9)) }
            guard let found, found.invitation.role.rank <= limit.rank else { throw .notFound }
            var made = found.invitation
            try Self.requireActiveDomain(made.address.domain, of: organisation, connection)
            let holder = try connection.first(
                "SELECT account_id FROM addresses WHERE address = $1",
                [.text(made.address.canonical)]
            ) { row throws(StoreError) in row.optionalInteger(0) }
            // That of an import has its account already.
            if let holder, holder != found.account { throw .alreadyExists }
            made.contact = contact.applied(to: made.contact)
            guard made.contact != made.address else {
                throw .refused("The account's own address is read by nobody yet.")
            }
            made.expiresAt = expiresAt
            try connection.execute(
                """
                UPDATE invitations SET token_hash = $3, contact = $4, expires_at = $5
                WHERE invitation_id = $1 AND organisation_id = $2
                """,
                key + [.bytes(tokenHash), .optional(made.contact?.description), .integer(expiresAt.microseconds)]
            )
            var audit = audit
            audit.subject = made.address.canonical
            let detail = AuditDetail().changing(
                "contact",
                from: found.invitation.contact?.description,
                to: made.contact?.description
            )
            audit.detail = detail.adding("role", made.role.rawValue).text
            try Self.record(audit, of: organisation, connection)
            return made
        }
    }

    package func removeInvitation(
        _ id: InvitationID,
        of organisation: OrganisationID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let address = try connection.first(
                "DELETE FROM invitations WHERE invitation_id = $1 AND organisation_id = $2 RETURNING address",
                [.integer(id.rawValue), .integer(organisation.rawValue)]
            ) { row throws(StoreError) in row.text(0) }
            guard let address else { throw .notFound }
            var audit = audit
            audit.subject = address
            try Self.record(audit, of: organisation, connection)
        }
    }
}
