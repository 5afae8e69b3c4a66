import Database
package import MailModel
package import MailPorts

extension SQLStore: DirectoryStore {
    package func addOrganisation(name: String, audit: AuditEvent) async throws(StoreError) -> Organisation {
        let made = try await addOrganisation(named: name, audit: audit)
        return Organisation(id: made.id, name: made.name)
    }

    package func organisations() async throws(StoreError) -> [Organisation] {
        try await database.read { connection throws(StoreError) in
            try connection.all("SELECT organisation_id, name FROM organisations ORDER BY organisation_id") {
                row throws(StoreError) in
                Organisation(id: OrganisationID(row.integer(0)), name: row.text(1))
            }
        }
    }

    package func addDomain(
        _ name: String,
        organisation: OrganisationID,
        keys: [DKIMKey],
        audit: AuditEvent
    ) async throws(StoreError) -> HostedDomain {
        let now = clock.now()
        let name = EmailAddress.lowercased(name)
        let added = try await database.write { connection throws(StoreError) in
            let known = try connection.first(
                "SELECT 1 FROM organisations WHERE organisation_id = $1",
                [.integer(organisation.rawValue)]
            ) { _ throws(StoreError) in true }
            guard known == true else { throw .notFound }
            let domain = HostedDomain(
                id: DomainID(try Self.next("domain", connection)),
                organisation: organisation,
                name: name,
                status: .active,
                createdAt: now
            )
            try Self.insert(domain, keys: keys, provedBy: "operator", connection)
            // The organisation's own claim has nothing left to prove.
            try connection.execute(
                "DELETE FROM domain_claims WHERE name = $1 AND organisation_id = $2",
                [.text(name), .integer(organisation.rawValue)]
            )
            try Self.record(audit, of: organisation, connection)
            return domain
        }
        await options.domainCache?.forget(name)
        return added
    }

    package func domain(named name: String) async throws(StoreError) -> HostedDomain? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT \(Self.domainColumns) FROM domains WHERE name = $1",
                [.text(EmailAddress.lowercased(name))],
                Self.domain
            )
        }
    }

    package func domains(
        of organisation: OrganisationID?,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [HostedDomain] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT \(Self.domainColumns) FROM domains
                WHERE name > $1 AND ($2 = 0 OR organisation_id = $2) AND status <> 'deleted' ORDER BY name LIMIT $3
                """,
                [.text(after ?? ""), .integer(organisation?.rawValue ?? 0), .integer(Int64(limit))],
                Self.domain
            )
        }
    }

    package func addAlias(_ alias: EmailAddress, targets: [EmailAddress]) async throws(StoreError) {
        guard !targets.isEmpty, targets.count <= 1_000 else { throw .refused("an alias has 1 to 1000 targets") }
        try await database.write { connection throws(StoreError) in
            try Self.requireDomain(alias.domain, connection)
            try Self.insertAddress(alias, connection)
            try Self.insertTargets(of: Alias(address: alias, targets: targets), connection)
        }
    }

    package func removeAlias(_ alias: EmailAddress) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.removeAlias(alias, connection)
        }
    }

    package func aliases(
        ofDomain domain: String
    ) async throws(StoreError) -> [(alias: EmailAddress, targets: [EmailAddress])] {
        try await database.read { connection throws(StoreError) in
            var found: [(alias: EmailAddress, targets: [EmailAddress])] = []
            try connection.query(
                """
                SELECT addresses.written, alias_targets.written FROM addresses JOIN alias_targets ON alias_targets.address = addresses.address
                WHERE addresses.domain = $1 AND addresses.account_id IS NULL ORDER BY addresses.address, alias_targets.position
                """,
                [.text(EmailAddress.lowercased(domain))]
            ) { row throws(StoreError) in
                let alias = Self.address(row.text(0))
                let target = Self.address(row.text(1))
                if found.last?.alias == alias {
                    found[found.count - 1].targets.append(target)
                } else {
                    found.append((alias, [target]))
                }
            }
            return found
        }
    }

    // MARK: - Rows

    static let domainColumns = "domain_id, organisation_id, name, status, created_at, reason, purge_at"

    static func domain(_ row: any SQLRow) throws(StoreError) -> HostedDomain {
        HostedDomain(
            id: DomainID(row.integer(0)),
            organisation: OrganisationID(row.integer(1)),
            name: row.text(2),
            status: HostedDomain.Status(rawValue: row.text(3)) ?? .suspended,
            createdAt: Timestamp(microseconds: row.integer(4)),
            reason: row.optionalText(5),
            purgeAt: row.optionalInteger(6).map { Timestamp(microseconds: $0) }
        )
    }

    static func requireDomain(
        _ name: String,
        of organisation: OrganisationID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let (owner, main) = try hostedDomain(name, connection)
        guard main == nil else { throw .refused("the domain \(name) is an alias of \(main ?? "")") }
        guard owner == organisation else { throw .refused("the domain \(name) belongs to another organisation") }
    }

    /// - Returns: whose it is.
    @discardableResult
    static func requireDomain(_ name: String, _ connection: any SQLConnection) throws(StoreError) -> OrganisationID {
        let (owner, main) = try hostedDomain(name, connection)
        guard main == nil else { throw .refused("the domain \(name) is an alias of \(main ?? "")") }
        return owner
    }

    static func hostedDomain(
        _ name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (owner: OrganisationID, main: String?) {
        let found = try connection.first(
            "SELECT organisation_id, alias_of FROM domains WHERE name = $1 AND status <> 'deleted'",
            [.text(name)]
        ) { row throws(StoreError) in (owner: OrganisationID(row.integer(0)), main: row.optionalText(1)) }
        guard let found else { throw .refused("the domain \(name) is not hosted here") }
        return found
    }

    /// An address as a row keeps it: quoted where it must be.
    static func address(_ written: String) -> EmailAddress {
        if let plain = EmailAddress(written) { return plain }
        let bytes = Array(written.utf8)
        guard let at = bytes.lastIndex(of: 64) else { return EmailAddress(uncheckedLocalPart: written, domain: "") }
        var local = Array(bytes[..<at])
        if local.count >= 2, local.first == 34, local.last == 34 {
            var plain: [UInt8] = []
            var isEscaped = false
            for byte in local[1..<(local.count - 1)] {
                if byte == 92, !isEscaped {
                    isEscaped = true
                } else {
                    plain.append(byte)
                    isEscaped = false
                }
            }
            local = plain
        }
        return EmailAddress(
            uncheckedLocalPart: String(decoding: local, as: UTF8.self),
            domain: String(decoding: bytes[(at + 1)...], as: UTF8.self)
        )
    }
}
