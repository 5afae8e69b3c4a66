import Database
import MailModel
package import MailPorts

/// How domains take addresses that are not listed. None of it is in the cache of domains: what changes is true everywhere at once.
extension SQLStore {
    package func routing(of domain: String) async throws(StoreError) -> DomainRouting? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT alias_of, separator, catch_all, catch_all_target FROM domains
                WHERE name = $1 AND status <> 'deleted'
                """,
                [.text(EmailAddress.lowercased(domain))]
            ) { row throws(StoreError) in
                DomainRouting(
                    aliasOf: row.optionalText(0),
                    separator: Self.separator(row.optionalText(1)),
                    catchAll: Self.catchAll(row.optionalText(2), row.optionalText(3))
                )
            }
        }
    }

    private static func catchAll(_ kind: String?, _ target: String?) -> CatchAll? {
        guard let target else { return nil }
        return switch kind {
        case "deliver": .deliver(address(target))
        case "forward": .forward(address(target))
        default: nil
        }
    }

    package func setCatchAll(
        _ catchAll: CatchAll?,
        of domain: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        let domain = EmailAddress.lowercased(domain)
        try await database.write { [policies] connection throws(StoreError) in
            let owner = try Self.requireOwnDomain(domain, connection)
            var kind = SQLValue.null
            switch catchAll {
            case .deliver(let address)?:
                kind = "deliver"
                let isThere = try connection.first(
                    """
                    SELECT 1 FROM addresses JOIN accounts ON accounts.account_id = addresses.account_id
                    WHERE address = $1 AND organisation_id = $2 AND accounts.status = 'active'
                    """,
                    [.text(address.canonical), .integer(owner.rawValue)]
                ) { _ throws(StoreError) in true }
                guard isThere == true else { throw .refused("\(address) is no active account of the organisation") }
            case .forward(let address)?:
                kind = "forward"
                switch try Self.resolve(address, noting: policies, connection) {
                case .account, .masked, .full, .alias, .list, .notHosted: ()
                case .unknownAddress, .suspended: throw .refused("\(address) takes no mail")
                }
            case nil: ()
            }
            try connection.execute(
                "UPDATE domains SET catch_all = $2, catch_all_target = $3 WHERE name = $1",
                [.text(domain), kind, .optional(catchAll?.target.description)]
            )
            try Self.record(audit, connection)
        }
    }

    package func setSeparator(
        _ separator: SubaddressSeparator,
        of domain: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        let domain = EmailAddress.lowercased(domain)
        try await database.write { connection throws(StoreError) in
            try Self.requireOwnDomain(domain, connection)
            try connection.execute(
                "UPDATE domains SET separator = $2 WHERE name = $1",
                [.text(domain), .text(separator.rawValue)]
            )
            try Self.record(audit, connection)
        }
    }

    /// An alias takes the rules of what it stands for.
    @discardableResult
    private static func requireOwnDomain(
        _ name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> OrganisationID {
        let isThere = try connection.first(
            "SELECT 1 FROM domains WHERE name = $1 AND status <> 'deleted'",
            [.text(name)]
        ) { _ throws(StoreError) in true }
        guard isThere == true else { throw .notFound }
        return try requireDomain(name, connection)
    }

    // MARK: - Domain aliases

    package func setDomainAlias(
        _ domain: String,
        of main: String?,
        audit: AuditEvent
    ) async throws(StoreError) {
        let domain = EmailAddress.lowercased(domain)
        let main = main.map { EmailAddress.lowercased($0) }
        try await database.write { connection throws(StoreError) in
            // Both rows are locked, in one order: two domains cannot become each other's aliases.
            var rows: [String: (owner: Int64, status: String, main: String?)] = [:]
            for name in Set([domain, main ?? domain]).sorted() {
                rows[name] = try connection.first(
                    """
                    SELECT organisation_id, status, alias_of FROM domains WHERE name = $1 AND status <> 'deleted'\
                    \(connection.dialect.forUpdate)
                    """,
                    [.text(name)]
                ) { row throws(StoreError) in (row.integer(0), row.text(1), row.optionalText(2)) }
            }
            guard let own = rows[domain] else { throw .notFound }
            if let main {
                guard main != domain else { throw .refused("a domain is no alias of itself") }
                guard let other = rows[main], other.owner == own.owner else {
                    throw .refused("the organisation has no domain \(main)")
                }
                guard other.status == "active", own.status == "active" else {
                    throw .refused("both domains must be verified")
                }
                guard other.main == nil else { throw .refused("\(main) is an alias itself") }
                try Self.requireUnused(domain, connection)
            }
            try connection.execute(
                "UPDATE domains SET alias_of = $2 WHERE name = $1",
                [.text(domain), .optional(main)]
            )
            try Self.record(audit, connection)
        }
        await options.domainCache?.forget(domain)
    }

    private static func requireUnused(_ domain: String, _ connection: any SQLConnection) throws(StoreError) {
        for (table, column, what) in [
            ("addresses", "domain", "has addresses of its own"),
            ("masked_addresses", "domain", "has masked addresses"), ("domains", "alias_of", "has aliases itself"),
        ] {
            let isUsed = try connection.first("SELECT 1 FROM \(table) WHERE \(column) = $1 LIMIT 1", [.text(domain)]) {
                _ throws(StoreError) in true
            }
            guard isUsed != true else { throw .refused("\(domain) \(what)") }
        }
    }

    package func domainAliases(of domain: String) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT name FROM domains WHERE alias_of = $1 AND status <> 'deleted' ORDER BY name",
                [.text(EmailAddress.lowercased(domain))]
            ) { row throws(StoreError) in row.text(0) }
        }
    }
}
