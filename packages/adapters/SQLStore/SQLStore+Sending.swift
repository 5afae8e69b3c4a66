import Database
package import MailModel
package import MailPorts

// What an account sends with.
extension SQLStore {
    package func sendingAddresses(of account: AccountID) async throws(StoreError) -> [EmailAddress] {
        try await database.read { [policies] connection throws(StoreError) in
            try Self.ownSendingAddresses(of: account, policies, connection).map(\.address)
        }
    }

    /// Its own, and those that lead to it alone, each once more at the domains that mean theirs.
    static func ownSendingAddresses(
        of account: AccountID,
        _ policies: PolicyMemory,
        _ connection: any SQLConnection
    ) throws(StoreError) -> [SendingAddress] {
        var (found, seen): ([SendingAddress], Set<EmailAddress>) = ([], [])
        try connection.query(
            """
            SELECT own.written, standing.name, domains.name, domains.policy_version, standing.policy_version, own.kind FROM (
                SELECT written, domain, 'own' AS kind FROM addresses WHERE account_id = $1
                UNION SELECT alias.written, alias.domain, 'alias' FROM addresses AS own
                JOIN alias_targets ON alias_targets.target = own.address
                JOIN addresses AS alias ON alias.address = alias_targets.address
                WHERE own.account_id = $1
                AND (SELECT COUNT(*) FROM alias_targets AS every WHERE every.address = alias.address) = 1
                UNION SELECT written, domain, 'masked' FROM masked_addresses WHERE account_id = $1 AND is_enabled = 1
            ) AS own JOIN domains ON domains.name = own.domain AND domains.status = 'active'
            LEFT JOIN domains AS standing ON standing.alias_of = own.domain AND standing.status = 'active'
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in
            let kind = SendingAddress.Kind(rawValue: row.text(5)) ?? .own
            let own = SendingAddress(address(row.text(0)), kind)
            // It comes once for each of the domains that mean its own.
            if seen.insert(own.address).inserted { found.append(own) }
            policies.note(row.text(2), version: row.optionalInteger(3))
            if let name = row.optionalText(1) {
                policies.note(name, version: row.optionalInteger(4))
                let there = EmailAddress(uncheckedLocalPart: own.address.localPart, domain: name)
                // A masked address says no more of its owner at another domain.
                found.append(SendingAddress(there, kind == .masked ? .masked : .domainAlias))
            }
        }
        return found
    }

    package func separators(of account: AccountID) async throws(StoreError) -> [String: SubaddressSeparator] {
        try await database.read { connection throws(StoreError) in try Self.separators(of: account, connection) }
    }

    static func separators(
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> [String: SubaddressSeparator] {
        var found: [String: SubaddressSeparator] = [:]
        try connection.query(
            """
            SELECT domains.name, domains.separator, standing.name FROM domains
            LEFT JOIN domains AS standing ON standing.alias_of = domains.name
            WHERE domains.name IN (SELECT domain FROM addresses WHERE account_id = $1)
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in
            let separator = separator(row.optionalText(1))
            found[row.text(0)] = separator
            if let name = row.optionalText(2) { found[name] = separator }
        }
        return found
    }
}
