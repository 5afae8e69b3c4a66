package import MailModel
package import MailPorts

/// Why rights were not read or changed.
///
/// Every text may be shown to the one who asked.
package enum SharingFailure: Error, Equatable, Sendable {
    case notPermitted
    /// Nobody of the owner's organisation, whether there is such an account elsewhere or not.
    case unknownIdentifier(String)
    /// What was given as `field` cannot be so.
    case refused(field: String, String)
    case store(StoreError)
}

/// Who changes rights, for the audit.
package struct SharingActor: Sendable {
    package var name: String
    package var remote: IPAddress?
    package init(_ name: String, remote: IPAddress?) { (self.name, self.remote) = (name, remote) }
}

/// Gives and takes rights in mailboxes: over IMAP, over HTTP and by the command line alike.
///
/// Who may is asked by `MailboxAccess` of a reader; operators and administrators of the organisation may in every mailbox.
package struct MailboxSharing: Sendable {
    /// Identifiers with rights in one mailbox.
    package static let perMailbox = 500

    package let store: any MailboxSharingStore
    let mailboxes: any MailboxStore
    let directory: any DirectoryStore
    let allowsAnyone: Bool

    /// - Parameter allowsAnyone: mailboxes may be shared with the whole organisation at once.
    package init(
        store: any MailboxSharingStore,
        mailboxes: any MailboxStore,
        directory: any DirectoryStore,
        allowsAnyone: Bool
    ) {
        self.store = store
        self.mailboxes = mailboxes
        self.directory = directory
        self.allowsAnyone = allowsAnyone
    }

    /// A mailbox whose rights may be changed.
    package struct Target: Sendable {
        package var owner: Account
        package var mailbox: MailboxRecord
        package init(owner: Account, mailbox: MailboxRecord) { (self.owner, self.mailbox) = (owner, mailbox) }
    }

    // MARK: - Who may

    /// For the reader of a session; an account's own mailboxes are its to share.
    package func target(_ place: MailboxPlace, by access: MailboxAccess) async throws(AccessFailure) -> Target {
        let place = try await access.look(at: place, to: .administer)
        let owner = try await access.stored { () throws(StoreError) in
            guard let owner = try await directory.account(place.owner) else { throw .notFound }
            return owner
        }
        return Target(owner: owner, mailbox: place.record)
    }

    /// By numbers, for an account that is signed in: its own, one that it may administer, and every one of its organisation for
    /// those who manage it.
    ///
    /// - Throws: `.store(.notFound)` for what the caller must not know of, of another organisation above all.
    package func target(
        _ mailbox: MailboxID,
        of owner: AccountID,
        for caller: Account
    ) async throws(SharingFailure) -> Target {
        let account = try await owned(owner, for: caller)
        if owner != caller.id, !Self.manages(caller, account) {
            guard
                let shared = try await stored({ () throws(StoreError) in
                    try await store.sharedMailbox(mailbox, of: owner, with: caller.id)
                })
            else { throw .store(.notFound) }
            guard MailboxOperation.administer.isAllowed(by: shared.rights) else {
                throw shared.rights.contains(.lookup) ? .notPermitted : .store(.notFound)
            }
        }
        let record = try await stored { () throws(StoreError) in try await mailboxes.mailbox(mailbox, of: owner) }
        return Target(owner: account, mailbox: record)
    }

    /// Mailboxes of an account whose rights the caller may read and change, by name.
    package func targets(of owner: AccountID, for caller: Account) async throws(SharingFailure) -> [MailboxRecord] {
        let account = try await owned(owner, for: caller)
        let all = try await stored { () throws(StoreError) in try await mailboxes.mailboxes(of: owner) }
        if owner == caller.id || Self.manages(caller, account) { return all }
        let shared = try await stored { () throws(StoreError) in try await store.sharedMailboxes(with: caller.id) }
        let known = Set(
            shared.filter { $0.owner == owner && MailboxOperation.administer.isAllowed(by: $0.rights) }
                .map(\.record.id)
        )
        guard !known.isEmpty else { throw .store(.notFound) }
        return all.filter { known.contains($0.id) }
    }

    private func owned(_ owner: AccountID, for caller: Account) async throws(SharingFailure) -> Account {
        let account = try await stored { () throws(StoreError) in try await directory.account(owner) }
        guard let account, caller.role == .platformAdmin || account.organisation == caller.organisation else {
            throw .store(.notFound)
        }
        return account
    }

    private static func manages(_ caller: Account, _ owner: Account) -> Bool {
        switch caller.role {
        case .platformAdmin: true
        case .owner, .admin: caller.organisation == owner.organisation
        case .member: false
        }
    }

    // MARK: - Rights

    /// The owner's first, whose every right nobody takes.
    package func grants(_ target: Target) async throws(StoreError) -> [MailboxGrant] {
        let owner = MailboxGrant(
            identifier: .account(target.owner.id),
            address: target.owner.primaryAddress,
            rights: .all
        )
        return [owner] + (try await store.grants(in: target.mailbox.id, of: target.owner.id))
    }

    /// Changes the rights of an identifier as protocols name it: an address of the organisation, or `anyone`.
    ///
    /// - Returns: what it may now.
    package func change(
        _ change: RightsChange,
        of name: String,
        in target: Target,
        by actor: SharingActor,
        now: Timestamp
    ) async throws(SharingFailure) -> MailboxGrant {
        let (identifier, address) = try await identifier(name, for: target.owner)
        if identifier == .anyone, !allowsAnyone, change.mode != .remove, !change.rights.isEmpty {
            throw .refused(field: "identifier", "sharing with the whole organisation is switched off")
        }
        do throws(StoreError) {
            let rights = try await store.changeRights(
                change,
                of: identifier,
                in: target.mailbox.id,
                of: target.owner.id,
                atMost: Self.perMailbox,
                audit: AuditEvent(
                    at: now,
                    actor: actor.name,
                    action: "mailbox.rights",
                    subject: target.owner.primaryAddress.canonical,
                    remote: actor.remote
                )
            )
            return MailboxGrant(identifier: identifier, address: address, rights: rights)
        } catch .refused(let why) {
            throw .refused(field: "identifier", why)
        } catch {
            throw .store(error)
        }
    }

    /// Who stands behind a name; the same answer whether it exists elsewhere or nowhere.
    package func identifier(
        _ name: String,
        for owner: Account
    ) async throws(SharingFailure) -> (MailboxIdentifier, EmailAddress?) {
        if name.utf8.elementsEqual("anyone".utf8) { return (.anyone, nil) }
        if name.utf8.first == UInt8(ascii: "-") {
            throw .unknownIdentifier("negative rights are not supported")
        }
        guard let address = EmailAddress(name) else {
            throw .unknownIdentifier("this is neither an address nor anyone")
        }
        let account = try await stored { () throws(StoreError) in
            try await directory.account(withAddress: address)
        }
        guard let account, account.organisation == owner.organisation else {
            throw .unknownIdentifier("no account of the organisation has this address")
        }
        return (.account(account.id), account.primaryAddress)
    }

    private func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(SharingFailure) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }
}
