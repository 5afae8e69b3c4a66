import Database
package import MailModel
package import MailPorts

/// Facts of domains, asked of the cache first.
///
/// Of what it says only this is taken without the database: that a domain is suspended, and that it has no keys.
/// That an account may have mail is always read from the rows.
extension SQLStore {
    /// Domains of one page while warming.
    private static let warmingPage = 500

    package func resolve(_ address: EmailAddress) async throws(StoreError) -> RecipientResolution {
        guard let cache = options.domainCache else {
            return try await database.read { [policies] connection throws(StoreError) in
                try Self.resolve(address, noting: policies, connection)
            }
        }
        let known = await cache.facts(of: address.domain)
        if known?.status == .suspended { return .suspended }
        let (found, facts) = try await database.read { [policies] connection throws(StoreError) in
            (
                try Self.resolve(address, noting: policies, connection),
                known != nil ? nil : try Self.facts(of: address.domain, connection)
            )
        }
        if let facts { await cache.keep(facts) }
        return found
    }

    package func signingKeys(of domain: String) async throws(StoreError) -> [DKIMKey] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT \(Self.keyColumns) FROM dkim_keys
                WHERE domain = $1 AND COALESCE(state, 'signing') = 'signing' ORDER BY selector
                """,
                [.text(EmailAddress.lowercased(domain))],
                Self.key
            )
        }
    }

    private static func facts(
        of domain: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> DomainFacts? {
        try connection.first("\(factsQuery) WHERE name = $1", [.text(domain)], facts)
    }

    private static let factsQuery = """
        SELECT name, organisation_id, status,
        (SELECT COUNT(*) FROM dkim_keys WHERE dkim_keys.domain = domains.name AND COALESCE(state, 'signing') = 'signing') FROM domains
        """

    private static func facts(_ row: any SQLRow) throws(StoreError) -> DomainFacts {
        DomainFacts(
            name: row.text(0),
            organisation: OrganisationID(row.integer(1)),
            status: HostedDomain.Status(rawValue: row.text(2)) ?? .suspended,
            hasDKIM: row.integer(3) > 0
        )
    }

    package func warmDomainCache() async throws(StoreError) -> Int? {
        guard let cache = options.domainCache else { return nil }
        var count = 0
        var after = ""
        while true {
            let last = after
            let page = try await database.read { connection throws(StoreError) in
                try connection.all(
                    "\(Self.factsQuery) WHERE name > $1 ORDER BY name LIMIT \(Self.warmingPage)",
                    [.text(last)],
                    Self.facts
                )
            }
            for facts in page { await cache.keep(facts) }
            count += page.count
            guard let name = page.last?.name else { return count }
            after = name
        }
    }
}
