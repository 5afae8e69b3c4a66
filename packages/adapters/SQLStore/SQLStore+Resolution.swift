import Database
import MailModel
import MailPorts

/// What becomes of mail to an address.
///
/// One statement for the address of an account. Only for what is not listed are the domain's rules read: another domain
/// that it stands for, what divides details, masked addresses.
extension SQLStore {
    /// Places looked at where an address may be divided in several: `mary-jane-news` may be `mary-jane`'s or `mary`'s.
    private static let maximumDetails = 4

    /// - Parameter policies: hear which version of the domain's policy is in force.
    static func resolve(
        _ address: EmailAddress,
        noting policies: PolicyMemory,
        _ connection: any SQLConnection
    ) throws(StoreError) -> RecipientResolution {
        if let found = try listed(address, policies, connection) { return found }
        var place = address
        guard var rules = try unlistedRules(of: address.domain, policies, connection) else { return .notHosted }
        if let refused = rules.refusal { return refused }
        if let main = rules.aliasOf {
            place = EmailAddress(uncheckedLocalPart: address.localPart, domain: main)
            if let found = try listed(place, policies, connection) { return found }
            guard let others = try unlistedRules(of: main, policies, connection) else { return .unknownAddress }
            if let refused = others.refusal { return refused }
            rules = others
        }
        for base in place.withoutDetail(rules.separator, atMost: maximumDetails) {
            if let found = try listed(base, policies, connection) { return found }
        }
        return try masked(place, connection) ?? .unknownAddress
    }

    /// What the row of the address says; nil when there is none.
    private static func listed(
        _ address: EmailAddress,
        _ policies: PolicyMemory,
        _ connection: any SQLConnection
    ) throws(StoreError) -> RecipientResolution? {
        var isPressed = false
        let found = try connection.first(
            """
            SELECT addresses.account_id, accounts.status, used_bytes, quota_bytes,
            CASE WHEN domains.status = 'active' THEN COALESCE(organisations.status, 'active') ELSE domains.status END,
            \(QuotaReader.isPressed), policy_version, accounts.active_script, vacations.is_enabled FROM addresses
            JOIN domains ON domains.name = addresses.domain
            LEFT JOIN organisations ON organisations.organisation_id = domains.organisation_id
            LEFT JOIN accounts ON accounts.account_id = addresses.account_id
            LEFT JOIN account_counters ON account_counters.account_id = addresses.account_id
            LEFT JOIN vacations ON vacations.account_id = addresses.account_id WHERE address = $1
            """,
            [.text(address.canonical)]
        ) { row throws(StoreError) -> RecipientResolution in
            isPressed = row.integer(5) != 0
            policies.note(address.domain, version: row.optionalInteger(6))
            switch HostedDomain.Status(rawValue: row.text(4)) {
            case .active: break
            case .suspended, nil: return .suspended
            case .deleted: return .notHosted
            }
            guard let account = row.optionalInteger(0) else { return .alias([]) }
            guard row.text(1) == Account.Status.active.rawValue else { return .suspended }
            return .account(
                AccountID(account),
                usedBytes: row.integer(2),
                quotaBytes: row.optionalInteger(3),
                script: row.optionalInteger(7),
                isAway: row.optionalInteger(8) == 1
            )
        }
        if isPressed, let full = try full(found, connection) { return full }
        guard case .alias? = found else { return found }
        let targets = try connection.all(
            "SELECT written FROM alias_targets WHERE address = $1 ORDER BY position",
            [.text(address.canonical)]
        ) { row throws(StoreError) in Self.address(row.text(0)) }
        return targets.isEmpty ? try listAddress(address, connection) : .alias(targets)
    }

    /// Whether a level of the quota tree above the account has no room.
    private static func full(
        _ found: RecipientResolution?,
        _ connection: any SQLConnection
    ) throws(StoreError) -> RecipientResolution? {
        switch found {
        case .account(let account, usedBytes: _, quotaBytes: _, script: _, isAway: _)?,
            .masked(let account, usedBytes: _, quotaBytes: _, script: _)?:
            try QuotaReader.fullLevel(above: account, connection).map { .full(account, $0) }
        case .alias?, .list?, .full?, .suspended?, .unknownAddress?, .notHosted?, nil: nil
        }
    }

    /// A row without account and targets is one of a list's addresses.
    private static func listAddress(
        _ address: EmailAddress,
        _ connection: any SQLConnection
    ) throws(StoreError) -> RecipientResolution {
        let found = try connection.first(
            """
            SELECT role, lists.written FROM list_addresses JOIN lists ON lists.address = list_addresses.list
            WHERE list_addresses.address = $1
            """,
            [.text(address.canonical)]
        ) { row throws(StoreError) in (role: row.text(0), list: Self.address(row.text(1))) }
        guard let found else { return .alias([]) }
        if found.role == "post" { return .list(found.list) }
        let owners = try connection.all(
            """
            SELECT addresses.written FROM list_owners JOIN accounts ON accounts.account_id = list_owners.account_id
            JOIN addresses ON addresses.address = accounts.primary_address
            WHERE list = $1 AND accounts.status = 'active' ORDER BY addresses.address
            """,
            [.text(found.list.canonical)]
        ) { row throws(StoreError) in Self.address(row.text(0)) }
        guard owners.isEmpty else { return .alias(owners) }
        return .alias([EmailAddress(uncheckedLocalPart: "postmaster", domain: found.list.domain)])
    }

    private struct UnlistedRules {
        var status: HostedDomain.Status?
        var aliasOf: String?
        var separator: SubaddressSeparator

        var refusal: RecipientResolution? {
            switch status {
            case .active: nil
            case .suspended, nil: .suspended
            case .deleted: .notHosted
            }
        }
    }

    private static func unlistedRules(
        of domain: String,
        _ policies: PolicyMemory,
        _ connection: any SQLConnection
    ) throws(StoreError) -> UnlistedRules? {
        let found = try connection.first(
            """
            SELECT CASE WHEN domains.status = 'active' THEN COALESCE(organisations.status, 'active') ELSE domains.status END,
            alias_of, separator, policy_version FROM domains
            LEFT JOIN organisations ON organisations.organisation_id = domains.organisation_id WHERE domains.name = $1
            """,
            [.text(domain)]
        ) { row throws(StoreError) in
            policies.note(domain, version: row.optionalInteger(3))
            return UnlistedRules(
                status: HostedDomain.Status(rawValue: row.text(0)),
                aliasOf: row.optionalText(1),
                separator: separator(row.optionalText(2))
            )
        }
        if found == nil { policies.note(domain, version: nil) }
        return found
    }

    static func separator(_ text: String?) -> SubaddressSeparator {
        text.flatMap { SubaddressSeparator(rawValue: $0) } ?? .plus
    }

    private static func masked(
        _ address: EmailAddress,
        _ connection: any SQLConnection
    ) throws(StoreError) -> RecipientResolution? {
        let found = try connection.first(
            """
            SELECT masked_addresses.account_id, is_enabled, accounts.status, used_bytes, quota_bytes, accounts.active_script
            FROM masked_addresses
            JOIN accounts ON accounts.account_id = masked_addresses.account_id
            JOIN account_counters ON account_counters.account_id = masked_addresses.account_id WHERE address = $1
            """,
            [.text(address.canonical)]
        ) { row throws(StoreError) -> RecipientResolution in
            guard row.integer(1) != 0, row.text(2) == Account.Status.active.rawValue else { return .suspended }
            return .masked(
                AccountID(row.integer(0)),
                usedBytes: row.integer(3),
                quotaBytes: row.optionalInteger(4),
                script: row.optionalInteger(5)
            )
        }
        return try full(found, connection) ?? found
    }
}
