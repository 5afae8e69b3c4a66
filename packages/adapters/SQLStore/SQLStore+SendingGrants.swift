import Database
package import MailModel
package import MailPorts

extension SQLStore: SendingGrantStore {
    package func addSendingGrant(
        _ kind: SendingGrantKind,
        of address: EmailAddress,
        owner: AccountID,
        to grantee: AccountID,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> SendingGrant {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            // Two that add the last one at once take turns.
            try Self.lock([owner], connection)
            guard owner != grantee else { throw .refused("an account needs no grant of its own addresses") }
            let key: SQLValue = .integer(owner.rawValue)
            let isOwned = try connection.first(
                """
                SELECT 1 FROM addresses JOIN accounts AS owner ON owner.account_id = addresses.account_id
                JOIN accounts AS grantee ON grantee.organisation_id = owner.organisation_id
                WHERE address = $1 AND owner.account_id = $2 AND grantee.account_id = $3
                """,
                [.text(address.canonical), key, .integer(grantee.rawValue)]
            ) { _ throws(StoreError) in true }
            guard isOwned == true else { throw .notFound }
            let count = try connection.first("SELECT COUNT(*) FROM sending_grants WHERE account_id = $1", [key]) {
                row throws(StoreError) in row.integer(0)
            }
            guard (count ?? 0) < limit else { throw .refused("an account gives at most \(limit) grants") }
            let id = try Self.next("sending_grant", connection)
            try connection.execute(
                """
                INSERT INTO sending_grants (account_id, grant_id, grantee_id, kind, address, created_at, created_by)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                [
                    key, .integer(id), .integer(grantee.rawValue), .text(kind.rawValue), .text(address.canonical),
                    .integer(now.microseconds), .text(audit.actor),
                ]
            )
            try Self.record(audit, connection)
            let made = try connection.first(
                "\(Self.grantQuery) WHERE sending_grants.account_id = $1 AND grant_id = $2",
                [key, .integer(id)],
                Self.grant
            )
            guard let made else { throw .notFound }
            return made
        }
    }

    package func sendingGrants(_ listing: GrantListing) async throws(StoreError) -> [SendingGrant] {
        let key =
            switch listing.sort {
            case .createdAt: "sending_grants.created_at"
            case .address: "sending_grants.address"
            case .grantee: "grantee.primary_address"
            }
        let (condition, values) = Self.condition(listing.subject)
        var statement = ListStatement(values: values, conditions: [condition])
        statement.require("grant_id =", listing.id.map { .integer($0.rawValue) })
        statement.require("kind =", listing.kind.map { .text($0.rawValue) })
        statement.require("sending_grants.address", beginsWith: listing.address)
        statement.require("grantee.primary_address", beginsWith: listing.grantee)
        statement.require(["sending_grants.address", "grantee.primary_address"], contain: listing.text)
        let page = statement.page(listing, by: key, "grant_id")
        return try await all(Self.grantQuery + page, statement, freshness: .recent, Self.grant)
    }

    package func removeSendingGrant(
        _ id: SendingGrantID,
        _ subject: SendingGrantSubject,
        audit: AuditEvent
    ) async throws(StoreError) {
        let (condition, values) = Self.condition(subject)
        try await database.write { connection throws(StoreError) in
            let owner = try connection.first(
                "\(Self.grantQuery) WHERE \(condition) AND grant_id = $\(values.count + 1)",
                values + [.integer(id.rawValue)]
            ) { row throws(StoreError) in row.integer(1) }
            guard let owner else { throw .notFound }
            let gone = try connection.execute(
                "DELETE FROM sending_grants WHERE account_id = $1 AND grant_id = $2",
                [.integer(owner), .integer(id.rawValue)]
            )
            guard gone == 1 else { throw .notFound }
            try Self.record(audit, connection)
        }
    }

    package func grantedAddresses(
        of grantee: AccountID
    ) async throws(StoreError) -> [(kind: SendingGrantKind, address: EmailAddress)] {
        let rows = try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT kind, addresses.written \(Self.grantsInForce)",
                [.integer(grantee.rawValue)]
            ) { row throws(StoreError) in Granted(kind: row.text(0), address: Self.address(row.text(1))) }
        }
        return rows.compactMap { row in SendingGrantKind(rawValue: row.kind).map { ($0, row.address) } }
    }

    /// Those that `$1` holds.
    static let grantsInForce = """
        FROM sending_grants
        JOIN addresses ON addresses.address = sending_grants.address AND addresses.account_id = sending_grants.account_id
        JOIN accounts AS owner ON owner.account_id = sending_grants.account_id AND owner.status = 'active'
        JOIN accounts AS grantee ON grantee.account_id = grantee_id AND grantee.organisation_id = owner.organisation_id
        JOIN domains ON domains.name = addresses.domain AND domains.status = 'active'
        WHERE grantee_id = $1
        """

    private struct Granted: Sendable {
        var kind: String
        var address: EmailAddress
    }

    // MARK: - Rows

    private static func condition(_ subject: SendingGrantSubject) -> (String, [SQLValue]) {
        switch subject {
        case .givenBy(let account): ("sending_grants.account_id = $1", [.integer(account.rawValue)])
        case .heldBy(let account): ("grantee_id = $1", [.integer(account.rawValue)])
        case .within(let organisation?): ("owner.organisation_id = $1", [.integer(organisation.rawValue)])
        case .within(nil): ("$1 = 0", [.integer(0)])
        }
    }

    /// Grants to accounts that are gone are none.
    private static let grantQuery = """
        SELECT grant_id, sending_grants.account_id, grantee_id, kind, sending_grants.address, sending_grants.created_at, created_by,
        owner.organisation_id, grantee.primary_address FROM sending_grants
        JOIN accounts AS owner ON owner.account_id = sending_grants.account_id
        JOIN accounts AS grantee ON grantee.account_id = grantee_id
        """

    private static func grant(_ row: any SQLRow) throws(StoreError) -> SendingGrant {
        SendingGrant(
            id: SendingGrantID(row.integer(0)),
            kind: SendingGrantKind(rawValue: row.text(3)) ?? .sendOnBehalf,
            address: Self.address(row.text(4)),
            owner: AccountID(row.integer(1)),
            grantee: AccountID(row.integer(2)),
            granteeAddress: Self.address(row.text(8)),
            organisation: OrganisationID(row.integer(7)),
            createdAt: Timestamp(microseconds: row.integer(5)),
            createdBy: row.text(6)
        )
    }
}
