import Database
import MailModel
import MailPorts

/// What one entry of a directory does to the accounts here, within one transaction.
struct DirectoryStep {
    let entry: DirectoryEntry
    let used: DirectoryConnection
    let audit: AuditEvent
    let now: Timestamp
    let connection: any SQLConnection

    func take(making new: NewAccount?, updates: Bool) throws(StoreError) -> DirectoryAdmission {
        // Whoever asked the directory has left out what is another domain's; here it is no more than a word.
        guard entry.address.domain == used.domain else { return .otherDomain }
        guard try SQLStore.directory(of: used.domain, connection)?.version == used.version else {
            return .connectionChanged
        }
        if let id = try holder() {
            guard let id = id.account, let account = try SQLStore.account(id, connection) else { return .addressTaken }
            if let refusal = try refusal(of: account, forgivesOwnSuspension: updates) { return refusal }
            var change = DirectoryAdmission.Change.unchanged
            if try !isLinked(id) { try link(account) }
            if updates {
                if account.status != .active, try restore(id) { change = .restored }
                if try update(id), change == .unchanged { change = .changed }
            }
            return .admitted(try SQLStore.account(id, connection) ?? account, change)
        }
        guard let new else { return .noAccount }
        let account = try SQLStore.insert(new, now, connection)
        try record("account.add", account.primaryAddress, AuditDetail().adding("by", "directory").text)
        try link(account)
        _ = try update(account.id)
        return .admitted(try SQLStore.account(account.id, connection) ?? account, .made)
    }

    /// Where there is nothing to make and nothing to link; nil: `take` decides.
    func settled() throws(StoreError) -> DirectoryAdmission? {
        guard try SQLStore.directory(of: used.domain, connection)?.version == used.version else {
            return .connectionChanged
        }
        guard let id = try holder()?.account, let account = try SQLStore.account(id, connection), try isLinked(id)
        else {
            return nil
        }
        return try refusal(of: account, forgivesOwnSuspension: false) ?? .admitted(account, .unchanged)
    }

    /// The same without changing anything; nil: it would be changed or stay as it is.
    func look(makes: Bool) throws(StoreError) -> DirectoryAdmission? {
        guard let id = try holder() else { return makes ? nil : .noAccount }
        guard let id = id.account, let account = try SQLStore.account(id, connection) else { return .addressTaken }
        if let refusal = try refusal(of: account, forgivesOwnSuspension: true) { return refusal }
        guard account.status == .active else { return .admitted(account, .restored) }
        return .admitted(account, try differs(id) ? .changed : .unchanged)
    }

    // MARK: - Who it is

    private struct Holder {
        /// nil: an alias or a list.
        var account: AccountID?
    }

    /// Who has the address; or, where nobody has it, a person of this directory who has another of the entry's.
    private func holder() throws(StoreError) -> Holder? {
        let found = try connection.first(
            "SELECT account_id FROM addresses WHERE address = $1",
            [.text(entry.address.canonical)]
        ) { row throws(StoreError) in Holder(account: row.optionalInteger(0).map { AccountID($0) }) }
        if let found { return found }
        for alias in entry.aliases.prefix(100) {
            let renamed = try connection.first(
                """
                SELECT addresses.account_id FROM addresses
                JOIN directory_people ON directory_people.account_id = addresses.account_id
                WHERE address = $1 AND directory_people.domain = $2
                """,
                [.text(alias.canonical), .text(used.domain)]
            ) { row throws(StoreError) in Holder(account: AccountID(row.integer(0))) }
            if let renamed { return renamed }
        }
        return nil
    }

    private func refusal(of account: Account, forgivesOwnSuspension: Bool) throws(StoreError) -> DirectoryAdmission? {
        guard account.primaryAddress.domain == used.domain else { return .otherDomain }
        guard account.role.rank <= used.setBy.rank else { return .roleAbove }
        let key: [SQLValue] = [.integer(account.id.rawValue)]
        let isShared = try connection.first("SELECT 1 FROM shared_accounts WHERE account_id = $1", key) {
            _ throws(StoreError) in true
        }
        // Nobody signs in to a shared account, by whatever means.
        guard isShared != true else { return .suspended }
        guard account.status != .active else { return nil }
        guard forgivesOwnSuspension, try isSuspendedHere(account.id) else { return .suspended }
        return nil
    }

    private func isSuspendedHere(_ account: AccountID) throws(StoreError) -> Bool {
        try connection.first(
            """
            SELECT 1 FROM directory_people JOIN accounts ON accounts.account_id = directory_people.account_id
            WHERE directory_people.account_id = $1 AND is_suspended_here = 1 AND status = 'suspended'
            """,
            [.integer(account.rawValue)]
        ) { _ throws(StoreError) in true } == true
    }

    private func isLinked(_ account: AccountID) throws(StoreError) -> Bool {
        try connection.first(
            "SELECT 1 FROM directory_people WHERE account_id = $1 AND domain = $2",
            [.integer(account.rawValue), .text(used.domain)]
        ) { _ throws(StoreError) in true } == true
    }

    private func link(_ account: Account) throws(StoreError) {
        try connection.execute("DELETE FROM directory_people WHERE account_id = $1", [.integer(account.id.rawValue)])
        try connection.execute(
            "INSERT INTO directory_people (account_id, domain, is_suspended_here, linked_at) VALUES ($1, $2, 0, $3)",
            [.integer(account.id.rawValue), .text(used.domain), .integer(now.microseconds)]
        )
        try record("directory.link", account.primaryAddress, AuditDetail().adding("domain", used.domain).text)
    }

    // MARK: - Changes

    /// Undoes a suspension by a synchronisation, and no other.
    private func restore(_ account: AccountID) throws(StoreError) -> Bool {
        guard try isSuspendedHere(account) else { return false }
        let taken = try SQLStore.take(.restore, on: account, upTo: used.setBy, now, connection)
        try connection.execute(
            "UPDATE directory_people SET is_suspended_here = 0 WHERE account_id = $1",
            [.integer(account.rawValue)]
        )
        try record("account.restore", entry.address, taken.detail)
        return true
    }

    private func differs(_ id: AccountID) throws(StoreError) -> Bool {
        // Nothing is locked, as nothing is written.
        guard let own = try SQLStore.person(id, connection) else { return false }
        if !entry.name.utf8.isEmpty, own.account.displayName != entry.name { return true }
        if let language = entry.language, own.language != language { return true }
        let given = try given(to: id)
        return try !lacking(id).isEmpty || !given.isSubset(of: Set(wanted.map(\.canonical)))
    }

    /// Name, language and addresses as the directory has them.
    private func update(_ id: AccountID) throws(StoreError) -> Bool {
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
        for address in try lacking(id) {
            try SQLStore.insertAddress(address, of: id, connection)
            try connection.execute(
                "INSERT INTO directory_addresses (account_id, address) VALUES ($1, $2) ON CONFLICT (account_id, address) DO NOTHING",
                [.integer(id.rawValue), .text(address.canonical)]
            )
            let detail = AuditDetail().adding("address", address.canonical).text
            try record("account.address.add", entry.address, detail)
            isChanged = true
        }
        return try takeAway(from: id) || isChanged
    }

    /// What the directory had given and has no more; the primary address stays.
    private func takeAway(from id: AccountID) throws(StoreError) -> Bool {
        var isChanged = false
        let wanted = Set(wanted.map(\.canonical))
        for address in try given(to: id).subtracting(wanted).sorted() {
            let key: [SQLValue] = [.integer(id.rawValue), .text(address)]
            try connection.execute("DELETE FROM directory_addresses WHERE account_id = $1 AND address = $2", key)
            let isPrimary = try connection.first(
                "SELECT 1 FROM accounts WHERE account_id = $1 AND primary_address = $2",
                key
            ) { _ throws(StoreError) in true }
            guard isPrimary != true else { continue }
            try connection.execute("DELETE FROM sending_grants WHERE account_id = $1 AND address = $2", key)
            let gone = try connection.execute("DELETE FROM addresses WHERE account_id = $1 AND address = $2", key)
            guard gone == 1 else { continue }
            try record("account.address.remove", entry.address, AuditDetail().adding("address", address).text)
            isChanged = true
        }
        return isChanged
    }

    private var wanted: [EmailAddress] {
        [entry.address] + entry.aliases.prefix(99).filter { $0.domain == used.domain }
    }

    /// Addresses of the entry that nobody has; who has one keeps it.
    private func lacking(_ id: AccountID) throws(StoreError) -> [EmailAddress] {
        var found: [EmailAddress] = []
        for address in wanted {
            let isTaken = try connection.first(
                """
                SELECT 1 FROM addresses WHERE address = $1 UNION ALL SELECT 1 FROM masked_addresses WHERE address = $1
                UNION ALL SELECT 1 FROM invitations WHERE address = $1 AND expires_at > $2
                """,
                [.text(address.canonical), .integer(now.microseconds)]
            ) { _ throws(StoreError) in true }
            if isTaken != true { found.append(address) }
        }
        return found
    }

    private func given(to id: AccountID) throws(StoreError) -> Set<String> {
        Set(
            try connection.all("SELECT address FROM directory_addresses WHERE account_id = $1", [.integer(id.rawValue)])
            {
                row throws(StoreError) in row.text(0)
            }
        )
    }

    private func record(_ action: String, _ subject: EmailAddress, _ detail: String) throws(StoreError) {
        var event = audit
        (event.action, event.subject, event.detail) = (action, subject.canonical, detail)
        try SQLStore.record(event, connection)
    }
}
