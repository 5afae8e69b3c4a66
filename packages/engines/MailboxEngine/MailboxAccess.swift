package import MailModel
package import MailPorts

/// The only way from a session to mailboxes: the reader's own, and those that others share with it.
///
/// Invariants
/// - An operation on another's mailbox looks at the rights as of now, whatever was known before.
/// - On the reader's own mailboxes nothing is asked of the store beside the operation itself.
/// - A mailbox without the right `l` is answered as one that is not there, unless the operation is allowed.
/// - The owner's account is the store's, never a name or a number that a client gave.
package struct MailboxAccess: Sendable {
    package let reader: AccountID
    let store: any MailboxStore
    let sharing: any MailboxSharingStore

    /// Messages that go from one account to another at once: each is written anew there, in one transaction.
    package static let maximumAcross = 5_000

    package init(reader: AccountID, store: any MailboxStore, sharing: any MailboxSharingStore) {
        self.reader = reader
        self.store = store
        self.sharing = sharing
    }

    // MARK: - Names

    /// The mailbox of a name; `.notFound` where the reader has no right in it at all.
    ///
    /// It opens nothing: what is done with the place asks for its right.
    package func find(_ name: String) async throws(AccessFailure) -> MailboxPlace {
        guard let shared = SharedName(name) else {
            return MailboxPlace(
                own: try await stored { () throws(StoreError) in try await store.mailbox(named: name, of: reader) },
                of: reader
            )
        }
        guard let mailbox = shared.mailbox else { throw .store(.notFound) }
        let found = try await stored { () throws(StoreError) in
            try await sharing.sharedMailbox(named: mailbox, ofOwner: shared.owner, with: reader)
        }
        guard let found, SharedName(found).namespace == shared.namespace else { throw .store(.notFound) }
        return MailboxPlace(found)
    }

    /// The mailbox of a name for one operation.
    package func find(_ name: String, to operation: MailboxOperation) async throws(AccessFailure) -> MailboxPlace {
        let place = try await find(name)
        try Self.require(operation, of: place)
        return place
    }

    /// The same mailbox as of now, for one operation; the reader's own is taken as it is.
    @discardableResult
    package func look(
        at place: MailboxPlace,
        to operation: MailboxOperation
    ) async throws(AccessFailure) -> MailboxPlace {
        let place = try await renewed(place)
        try Self.require(operation, of: place)
        return place
    }

    private func renewed(_ place: MailboxPlace) async throws(AccessFailure) -> MailboxPlace {
        if place.isOwn { return place }
        let found = try await stored { () throws(StoreError) in
            try await sharing.sharedMailbox(place.id, of: place.owner, with: reader)
        }
        guard let found else { throw .store(.notFound) }
        return MailboxPlace(found)
    }

    private static func require(_ operation: MailboxOperation, of place: MailboxPlace) throws(AccessFailure) {
        guard !operation.isAllowed(by: place.rights) else { return }
        throw place.rights.contains(.lookup) ? .notPermitted : .store(.notFound)
    }

    /// The reader's own mailboxes.
    package func ownMailboxes() async throws(StoreError) -> [MailboxRecord] { try await store.mailboxes(of: reader) }

    /// What others share with the reader and it may see.
    package func sharedMailboxes() async throws(StoreError) -> [MailboxPlace] {
        try await sharing.sharedMailboxes(with: reader).filter { MailboxOperation.list.isAllowed(by: $0.rights) }
            .map { MailboxPlace($0) }
    }

    package func subscriptions() async throws(StoreError) -> [String] { try await store.subscriptions(of: reader) }

    /// Subscriptions are the reader's, whoever has the mailbox; RFC 9051 §6.3.7: the name need not be there.
    package func setSubscribed(_ name: String, _ isSubscribed: Bool) async throws(StoreError) {
        try await store.setSubscribed(name, isSubscribed, of: reader)
    }

    /// Entries of a mailbox that may be counted.
    package func entries(of place: MailboxPlace) async throws(AccessFailure) -> [MessageEntry] {
        try await look(at: place, to: .status)
        return try await stored { () throws(StoreError) in
            try await store.entries(in: place.id, of: place.owner).changed
        }
    }

    // MARK: - Mailboxes

    package func create(_ name: String, specialUse: SpecialUse?) async throws(AccessFailure) {
        let target = try await roof(of: name, for: .createBelow)
        guard specialUse == nil || target.owner == reader else {
            throw .impossible("Mailboxes of others have no special use")
        }
        _ = try await stored { () throws(StoreError) in
            try await store.create(target.name, specialUse: specialUse, of: target.owner)
        }
    }

    /// The account in which a mailbox of that name would be made, and its name there.
    private func roof(
        of name: String,
        for operation: MailboxOperation
    ) async throws(AccessFailure) -> (owner: AccountID, name: String) {
        guard let shared = SharedName(name) else { return (reader, name) }
        guard let mailbox = shared.mailbox else { throw .store(.notFound) }
        // The nearest that is there: those between are made with it. An account without sign-in has its INBOX above all.
        var levels = mailbox.utf8.split(separator: 47, omittingEmptySubsequences: false).dropLast()
        var skipped: [String] = []
        while !levels.isEmpty {
            let parent = levels.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
            if let place = try await parentPlace(shared, parent) {
                return try await below(place, mailbox, passing: skipped, for: operation)
            }
            skipped.append(parent)
            levels = levels.dropLast()
        }
        guard shared.namespace == .shared, let place = try await parentPlace(shared, "INBOX") else {
            throw .store(.notFound)
        }
        return try await below(place, mailbox, passing: skipped, for: operation)
    }

    /// - Parameter skipped: levels in which the reader has no right: one that is there is the parent, and is answered as what it
    ///   is to the reader, not there.
    private func below(
        _ place: MailboxPlace,
        _ name: String,
        passing skipped: [String],
        for operation: MailboxOperation
    ) async throws(AccessFailure) -> (owner: AccountID, name: String) {
        try Self.require(operation, of: place)
        for nearer in skipped {
            let isThere = try await stored { () throws(StoreError) in
                do throws(StoreError) {
                    _ = try await store.mailbox(named: nearer, of: place.owner)
                    return true
                } catch {
                    guard case .notFound = error else { throw error }
                    return false
                }
            }
            guard !isThere else { throw .store(.notFound) }
        }
        return (place.owner, name)
    }

    private func parentPlace(_ name: SharedName, _ parent: String) async throws(AccessFailure) -> MailboxPlace? {
        do throws(AccessFailure) {
            return try await find(SharedName(name.namespace, name.owner, parent).text)
        } catch .store(.notFound) {
            return nil
        } catch {
            throw error
        }
    }

    /// - Returns: what has gone.
    package func delete(_ name: String) async throws(AccessFailure) -> MailboxPlace {
        let place = try await find(name, to: .delete)
        try await stored { () throws(StoreError) in try await store.delete(place.id, of: place.owner) }
        return place
    }

    /// Within one account; a mailbox that is another's goes only with everything below it that the reader may rename too.
    package func rename(_ name: String, to newName: String) async throws(AccessFailure) {
        let place = try await find(name, to: .renameFrom)
        let target = try await roof(of: newName, for: .renameBelow)
        guard target.owner == place.owner else {
            throw .impossible("A mailbox stays in its account; copy its messages")
        }
        if !place.isOwn {
            guard place.ownersName != "INBOX" else { throw .impossible("This INBOX is another's") }
            let known = try await stored { () throws(StoreError) in
                try await sharing.sharedMailboxes(with: reader)
            }
            let all = try await stored { () throws(StoreError) in try await store.mailboxes(of: place.owner) }
            let below = Array("\(place.ownersName)/".utf8)
            let rights = Dictionary(
                known.filter { $0.owner == place.owner }.map { ($0.record.id, $0.rights) },
                uniquingKeysWith: { $0.union($1) }
            )
            for record in all where record.name.utf8.starts(with: below) {
                guard MailboxOperation.renameFrom.isAllowed(by: rights[record.id] ?? []) else { throw .notPermitted }
            }
        }
        try await stored { () throws(StoreError) in
            try await store.rename(place.ownersName, to: target.name, of: place.owner, expecting: place.id)
        }
    }

    // MARK: - Failures

    func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(AccessFailure) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }
}
