import Database
import MailModel
import MailPorts

/// Name, language, addresses and quota as the directory has them.
extension DirectoryStep {
    /// Undoes a suspension by a synchronisation, and no other.
    func restore(_ account: AccountID) throws(StoreError) -> Bool {
        guard try person(account)?.isSuspendedHere == true else { return false }
        let taken = try SQLStore.take(.restore, on: account, upTo: used.setBy, now, connection)
        try connection.execute(
            "UPDATE directory_people SET is_suspended_here = 0 WHERE account_id = $1",
            [.integer(account.rawValue)]
        )
        try record("account.restore", entry.address, taken.detail)
        return true
    }

    func differs(_ account: Account) throws(StoreError) -> Bool {
        // Nothing is locked, as nothing is written.
        guard let own = try SQLStore.person(account.id, connection) else { return false }
        if !entry.name.utf8.isEmpty, own.account.displayName != entry.name { return true }
        if let language = entry.language, own.language != language { return true }
        if let quota = try quota(), own.account.quotaBytes != quota { return true }
        let known = try person(account.id)?.address
        if known != nil, known != entry.address.canonical, try holder(of: entry.address)?.account == account.id {
            return true
        }
        let given = try given(to: account.id)
        return try !lacking().isEmpty || !given.isSubset(of: Set(wanted.map(\.canonical)))
    }

    func update(_ id: AccountID) throws(StoreError) -> Bool {
        guard let own = try SQLStore.ownState(id, connection) else { return false }
        var isChanged = false
        let name = entry.name.utf8.isEmpty || own.name == entry.name ? nil : entry.name
        let language = entry.language.flatMap { own.language == $0.description ? nil : $0 }
        if name != nil || language != nil {
            let step = PersonStep.change(
                displayName: name,
                role: nil,
                profile: ProfileChange(language: language.map { .set($0) } ?? .keep)
            )
            let taken = try SQLStore.take(step, on: id, upTo: used.setBy, now, connection)
            try record("account.change", entry.address, taken.detail)
            isChanged = true
        }
        for address in try lacking() {
            try insert(address, id)
            isChanged = true
        }
        if try takeAway(from: id) { isChanged = true }
        return try limit(id) || isChanged
    }

    // MARK: - Quota

    /// Sets the hard limit in octets that the directory names; the soft one is never above it.
    private func limit(_ id: AccountID) throws(StoreError) -> Bool {
        guard let quota = try quota() else { return false }
        let before = try QuotaReader.standing(of: .account(id), connection).limits
        guard before.hardBytes != quota else { return false }
        var after = before
        after.hardBytes = quota
        after.softBytes = before.softBytes.map { min($0, quota) }
        try SQLStore.setLimits(after, of: id, connection)
        try record("quota.set", entry.address, SQLStore.detail(before: before, after: after))
        return true
    }

    /// Octets that the directory names, and no more than the domain and its organisation may hold; nil: it names none.
    func quota() throws(StoreError) -> Int64? {
        guard let named = entry.quotaBytes else { return nil }
        let bound = try connection.first(
            """
            SELECT MIN(hard_bytes) FROM quota_nodes
            WHERE level = 'organisation' AND node_id = (SELECT organisation_id FROM domains WHERE name = $1)
            OR level = 'domain' AND node_id = (SELECT domain_id FROM domains WHERE name = $1)
            """,
            [.text(used.domain)]
        ) { row throws(StoreError) in row.optionalInteger(0) }
        return min(named, (bound ?? nil) ?? QuotaLimits.maximum)
    }
}
