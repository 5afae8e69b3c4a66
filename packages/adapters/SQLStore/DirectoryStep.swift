import Database
import MailModel
import MailPorts

/// What one entry of a directory does to the accounts here, within one transaction.
///
/// Invariants: an account that is known to be one person's is no other's, whatever addresses they have; who has an address keeps it,
/// but for one that was kept after a person had got another.
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
        switch try whose() {
        case .taken: return .addressTaken
        case .another: return .anotherPerson
        case .account(let id): return try take(id, updates)
        case .former(let id):
            guard new != nil else { return .noAccount }
            try giveUp(of: id)
        case .nobody: ()
        }
        guard var new else { return .noAccount }
        if entry.quotaBytes != nil { new.quotaBytes = try quota() }
        let account = try SQLStore.insert(new, now, connection)
        try record("account.add", account.primaryAddress, AuditDetail().adding("by", "directory").text)
        try link(account)
        _ = try follow(account)
        _ = try update(account.id)
        return .admitted(try SQLStore.account(account.id, connection) ?? account, .made)
    }

    private func take(_ id: AccountID, _ updates: Bool) throws(StoreError) -> DirectoryAdmission {
        guard let account = try SQLStore.account(id, connection) else { return .addressTaken }
        if let refusal = try refusal(of: account, forgivesOwnSuspension: updates) { return refusal }
        try link(account)
        var change = DirectoryAdmission.Change.unchanged
        if updates, account.status != .active, try restore(id) { change = .restored }
        if try follow(account), change == .unchanged { change = .changed }
        if updates, try update(id), change == .unchanged { change = .changed }
        return .admitted(try SQLStore.account(id, connection) ?? account, change)
    }

    /// Where there is nothing to make, to link or to learn; nil: `take` decides.
    func settled() throws(StoreError) -> DirectoryAdmission? {
        guard try SQLStore.directory(of: used.domain, connection)?.version == used.version else {
            return .connectionChanged
        }
        guard case .account(let id) = try whose(), let account = try SQLStore.account(id, connection),
            let known = try person(id), known.identity == entry.identity, known.address == entry.address.canonical
        else { return nil }
        return try refusal(of: account, forgivesOwnSuspension: false) ?? .admitted(account, .unchanged)
    }

    /// The same without changing anything; nil: it would be made.
    func look(makes: Bool) throws(StoreError) -> DirectoryAdmission? {
        switch try whose() {
        case .taken: return .addressTaken
        case .another: return .anotherPerson
        case .former, .nobody: return makes ? nil : .noAccount
        case .account(let id):
            guard let account = try SQLStore.account(id, connection) else { return .addressTaken }
            if let refusal = try refusal(of: account, forgivesOwnSuspension: true) { return refusal }
            guard account.status == .active else { return .admitted(account, .restored) }
            return .admitted(account, try differs(account) ? .changed : .unchanged)
        }
    }

    // MARK: - Who it is

    /// Whose the entry is here.
    private enum Whose {
        case account(AccountID)
        /// Its address is that of an alias or a list.
        case taken
        /// Its address is that of an account which is somebody else's.
        case another
        /// Its address was kept by a person who has got another one since.
        case former(AccountID)
        case nobody
    }

    /// By the identifier; or by the address, where its account is not known to be another's; or, where nobody has it, by another
    /// address of a person whose identifier is not known.
    private func whose() throws(StoreError) -> Whose {
        if let identity = entry.identity {
            let known = try connection.first(
                "SELECT account_id FROM directory_people WHERE domain = $1 AND person_id = $2",
                [.text(used.domain), .text(identity)]
            ) { row throws(StoreError) in AccountID(row.integer(0)) }
            if let known { return .account(known) }
        }
        if let holder = try holder(of: entry.address) {
            guard let id = holder.account else { return .taken }
            if try isSame(id) { return .account(id) }
            return try isFormer(entry.address, of: id) ? .former(id) : .another
        }
        for alias in entry.aliases.prefix(100) {
            guard let id = try holder(of: alias)?.account, let known = try person(id), known.identity == nil else {
                continue
            }
            if try isSame(id) { return .account(id) }
        }
        return .nobody
    }

    struct Holder {
        /// nil: an alias or a list.
        var account: AccountID?
    }

    func holder(of address: EmailAddress) throws(StoreError) -> Holder? {
        try connection.first(
            "SELECT account_id FROM addresses WHERE address = $1",
            [.text(address.canonical)]
        ) { row throws(StoreError) in Holder(account: row.optionalInteger(0).map { AccountID($0) }) }
    }

    /// A person of this directory, as they were seen last.
    struct Person {
        /// nil: from before it was read, or the directory tells none.
        var identity: String?
        var address: String?
        var isSuspendedHere: Bool
    }

    func person(_ account: AccountID) throws(StoreError) -> Person? {
        try connection.first(
            "SELECT person_id, address, is_suspended_here FROM directory_people WHERE account_id = $1 AND domain = $2",
            [.integer(account.rawValue), .text(used.domain)]
        ) { row throws(StoreError) in
            Person(
                identity: row.optionalText(0),
                address: row.optionalText(1),
                isSuspendedHere: row.integer(2) != 0
            )
        }
    }

    /// Whether an account that has an address of the entry may be the entry's person's.
    private func isSame(_ account: AccountID) throws(StoreError) -> Bool {
        guard let known = try person(account) else { return true }
        if let identity = known.identity { return identity == entry.identity }
        // Who left before anybody's identifier was read may be somebody else.
        return entry.identity == nil || !known.isSuspendedHere
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
        let isOwn = try person(account.id)?.isSuspendedHere == true && account.status == .suspended
        return forgivesOwnSuspension && isOwn ? nil : .suspended
    }

    /// Notes that the account is the entry's person's.
    private func link(_ account: Account) throws(StoreError) {
        let known = try person(account.id)
        if let known, known.identity == entry.identity { return }
        if known == nil {
            let key: [SQLValue] = [.integer(account.id.rawValue)]
            try connection.execute("DELETE FROM directory_people WHERE account_id = $1", key)
            try connection.execute(
                "INSERT INTO directory_people (account_id, domain, is_suspended_here, linked_at) VALUES ($1, $2, 0, $3)",
                key + [.text(used.domain), .integer(now.microseconds)]
            )
        }
        try connection.execute(
            "UPDATE directory_people SET person_id = $2 WHERE account_id = $1",
            [.integer(account.id.rawValue), .optional(entry.identity)]
        )
        var detail = AuditDetail().adding("domain", used.domain)
        if let identity = entry.identity { detail = detail.adding("person", identity) }
        try record("directory.link", account.primaryAddress, detail.text)
    }

    func record(_ action: String, _ subject: EmailAddress, _ detail: String) throws(StoreError) {
        var event = audit
        (event.action, event.subject, event.detail) = (action, subject.canonical, detail)
        try SQLStore.record(event, connection)
    }
}
