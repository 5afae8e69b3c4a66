import Database
import MailModel
import MailPorts

/// Addresses that people may register.
extension SQLStore {
    /// Whose account it would be.
    static func requireRegistrable(
        _ address: EmailAddress,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> OrganisationID {
        let found = try connection.first(
            """
            SELECT organisation_id, separator, catch_all FROM domains WHERE name = $1 AND status = 'active' AND alias_of IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM organisations WHERE organisations.organisation_id = domains.organisation_id
                AND organisations.status = 'suspended'
            )
            """,
            [.text(address.domain)]
        ) { row throws(StoreError) in
            (
                owner: OrganisationID(row.integer(0)), separator: Self.separator(row.optionalText(1)),
                hasCatchAll: !row.isNull(2)
            )
        }
        guard let found else { throw .refused("\(address.domain) takes no registrations") }
        // Mail to it goes somewhere already: to the catch-all, or to whose detail it is.
        guard !found.hasCatchAll, address.withoutDetail(found.separator).isEmpty else { throw .alreadyExists }
        let isTaken = try connection.first(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM addresses WHERE address = $1)
            OR EXISTS (SELECT 1 FROM masked_addresses WHERE address = $1)
            OR EXISTS (SELECT 1 FROM invitations WHERE address = $1 AND expires_at > $2)
            """,
            [.text(address.canonical), .integer(now.microseconds)]
        ) { _ throws(StoreError) in true }
        guard isTaken != true else { throw .alreadyExists }
        return found.owner
    }
}
