import Database
import MailModel
import MailPorts

/// Addresses of people who get another one, and of those who come after them.
extension DirectoryStep {
    /// Makes the entry's address the account's primary one where the directory has changed it.
    ///
    /// The one before stays the person's, until the directory gives it to somebody else. Whoever changed the primary address here keeps
    /// that, as long as the directory's stays.
    func follow(_ account: Account) throws(StoreError) -> Bool {
        let known = try person(account.id)?.address
        guard known != entry.address.canonical else { return false }
        let holder = try holder(of: entry.address)
        if let holder, holder.account != account.id {
            guard let other = holder.account, try isFormer(entry.address, of: other) else { return false }
            try giveUp(of: other)
        }
        let isNew = holder?.account != account.id
        if isNew {
            guard try isFree(entry.address) else { return false }
            try insert(entry.address, account.id)
        }
        let key: [SQLValue] = [.integer(account.id.rawValue), .text(entry.address.canonical)]
        try connection.execute("UPDATE directory_people SET address = $2 WHERE account_id = $1", key)
        try connection.execute(
            "UPDATE directory_addresses SET is_former = 0 WHERE account_id = $1 AND address = $2",
            key
        )
        guard known != nil || isNew, account.primaryAddress.canonical != entry.address.canonical else { return isNew }
        let before = try SQLStore.setPrimary(entry.address, of: account.id, connection)
        let isAlias = entry.aliases.contains { $0.canonical == before }
        try connection.execute(
            """
            INSERT INTO directory_addresses (account_id, address, is_former) VALUES ($1, $2, $3)
            ON CONFLICT (account_id, address) DO UPDATE SET is_former = $3
            """,
            [key[0], .text(before), .integer(isAlias ? 0 : 1)]
        )
        let detail = AuditDetail().changing("primary", from: before, to: entry.address.canonical).adding(
            "by",
            "directory"
        )
        try record("account.address.primary", entry.address, detail.text)
        return true
    }

    /// Whether the address was kept by somebody who has got another one since; a catch-all that goes there keeps it theirs.
    func isFormer(_ address: EmailAddress, of account: AccountID) throws(StoreError) -> Bool {
        try connection.first(
            """
            SELECT 1 FROM directory_addresses JOIN accounts ON accounts.account_id = directory_addresses.account_id
            WHERE directory_addresses.account_id = $1 AND address = $2 AND is_former = 1 AND primary_address <> $2
            AND NOT EXISTS (SELECT 1 FROM domains WHERE LOWER(catch_all_target) = $2 AND status <> 'deleted')
            """,
            [.integer(account.rawValue), .text(address.canonical)]
        ) { _ throws(StoreError) in true } == true
    }

    /// Takes the entry's address from who had kept it.
    func giveUp(of account: AccountID) throws(StoreError) {
        guard let former = try SQLStore.account(account, connection) else { return }
        try remove(entry.address.canonical, from: account, of: former.primaryAddress)
    }

    /// What the directory had given and has no more; the primary address stays, and so does a former one.
    func takeAway(from id: AccountID) throws(StoreError) -> Bool {
        var isChanged = false
        let wanted = Set(wanted.map(\.canonical))
        for address in try given(to: id).subtracting(wanted).sorted() {
            let isPrimary = try connection.first(
                "SELECT 1 FROM accounts WHERE account_id = $1 AND primary_address = $2",
                [.integer(id.rawValue), .text(address)]
            ) { _ throws(StoreError) in true }
            if isPrimary == true {
                try forget(address, id)
            } else if try remove(address, from: id, of: entry.address) {
                isChanged = true
            }
        }
        return isChanged
    }

    @discardableResult
    private func remove(
        _ address: String,
        from id: AccountID,
        of person: EmailAddress
    ) throws(StoreError) -> Bool {
        let key: [SQLValue] = [.integer(id.rawValue), .text(address)]
        try forget(address, id)
        try connection.execute("DELETE FROM sending_grants WHERE account_id = $1 AND address = $2", key)
        let gone = try connection.execute("DELETE FROM addresses WHERE account_id = $1 AND address = $2", key)
        guard gone == 1 else { return false }
        try record("account.address.remove", person, AuditDetail().adding("address", address).text)
        return true
    }

    private func forget(_ address: String, _ id: AccountID) throws(StoreError) {
        try connection.execute(
            "DELETE FROM directory_addresses WHERE account_id = $1 AND address = $2",
            [.integer(id.rawValue), .text(address)]
        )
    }

    func insert(_ address: EmailAddress, _ id: AccountID) throws(StoreError) {
        try SQLStore.insertAddress(address, of: id, connection)
        try connection.execute(
            "INSERT INTO directory_addresses (account_id, address) VALUES ($1, $2) ON CONFLICT (account_id, address) DO NOTHING",
            [.integer(id.rawValue), .text(address.canonical)]
        )
        try record("account.address.add", entry.address, AuditDetail().adding("address", address.canonical).text)
    }

    var wanted: [EmailAddress] { [entry.address] + entry.aliases.prefix(99).filter { $0.domain == used.domain } }

    /// Addresses of the entry that nobody has; who has one keeps it.
    func lacking() throws(StoreError) -> [EmailAddress] {
        var found: [EmailAddress] = []
        for address in wanted where try isFree(address) { found.append(address) }
        return found
    }

    private func isFree(_ address: EmailAddress) throws(StoreError) -> Bool {
        try connection.first(
            """
            SELECT 1 FROM addresses WHERE address = $1 UNION ALL SELECT 1 FROM masked_addresses WHERE address = $1
            UNION ALL SELECT 1 FROM invitations WHERE address = $1 AND expires_at > $2
            """,
            [.text(address.canonical), .integer(now.microseconds)]
        ) { _ throws(StoreError) in true } != true
    }

    func given(to id: AccountID) throws(StoreError) -> Set<String> {
        let query = "SELECT address FROM directory_addresses WHERE account_id = $1 AND is_former = 0"
        return Set(try connection.all(query, [.integer(id.rawValue)]) { row throws(StoreError) in row.text(0) })
    }
}
