package import MailModel
package import MailPorts

package struct PeopleLimits: Sendable {
    /// How long a deleted account can be restored.
    package var graceSeconds: Int64 = 2_592_000
    /// Whether there is a time zone of that name; may read a file.
    package var isTimeZone: @Sendable (String) -> Bool = { _ in false }
    /// Octets of a name and of a reason.
    package static let longestText = 200
    package init() {}
}

/// Organisations and accounts, managed by those whose role allows it.
///
/// Invariants: what is another organisation's is not there; nobody gives or changes a role above their own; nobody suspends,
/// deletes or demotes themselves; an organisation keeps its last owner and the platform its last operator; a member manages those
/// alone whom a permission on domains opens (`DomainPermissionStore.managesUser`).
package struct PeopleService: Sendable {
    package let store: any PeopleStore
    let directory: any DirectoryStore
    let permissions: any DomainPermissionStore
    let limits: PeopleLimits

    package init(
        store: any PeopleStore,
        directory: any DirectoryStore,
        permissions: any DomainPermissionStore,
        limits: PeopleLimits = PeopleLimits()
    ) {
        self.store = store
        self.directory = directory
        self.permissions = permissions
        self.limits = limits
    }

    // MARK: - Organisations

    /// Those that the actor sees.
    package func organisations(
        _ listing: OrganisationListing,
        for actor: PeopleActor
    ) async throws(AccountError) -> [OrganisationRecord] {
        try Self.requireManager(actor)
        var listing = listing
        listing.organisation = actor.organisation
        return try await AccountError.stored { () async throws(StoreError) in try await store.organisations(listing) }
    }

    package func organisation(
        _ id: OrganisationID,
        for actor: PeopleActor
    ) async throws(AccountError) -> OrganisationRecord {
        try Self.requireManager(actor)
        guard actor.sees(id),
            let found = try await AccountError.stored({ () async throws(StoreError) in try await store.organisation(id)
            })
        else { throw .store(.notFound) }
        return found
    }

    /// For who invites to an address of the domain: by role, or by a permission on the domain.
    func organisation(
        _ id: OrganisationID,
        invitingTo domain: String,
        for actor: PeopleActor
    ) async throws(AccountError) -> OrganisationRecord {
        try await permissions.requireUsers(of: domain, actor)
        guard actor.sees(id),
            let found = try await AccountError.stored({ () async throws(StoreError) in try await store.organisation(id)
            })
        else { throw .store(.notFound) }
        return found
    }

    /// Operators of the platform only.
    package func addOrganisation(
        named name: String,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> OrganisationRecord {
        guard actor.role == .platformAdmin else { throw .notAllowed("Operators of the platform make organisations.") }
        let name = try Self.text(name, "name")
        return try await AccountError.stored { () async throws(StoreError) in
            try await store.addOrganisation(named: name, audit: actor.event("organisation.add", "", now))
        }
    }

    package func rename(
        _ id: OrganisationID,
        to name: String,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> OrganisationRecord {
        _ = try await organisation(id, for: actor)
        guard actor.role.rank >= Role.owner.rank else { throw .notAllowed("Owners rename their organisation.") }
        let name = try Self.text(name, "name")
        return try await AccountError.stored { () async throws(StoreError) in
            try await store.renameOrganisation(
                id,
                to: name,
                audit: actor.event("organisation.rename", Self.subject(id), now)
            )
        }
    }

    /// Suspends with a reason, restores with nil; operators of the platform only, and not their own organisation.
    package func suspend(
        _ id: OrganisationID,
        reason: String?,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> OrganisationRecord {
        _ = try await organisation(id, for: actor)
        guard actor.role == .platformAdmin else { throw .notAllowed("Operators of the platform do this.") }
        if let own = actor.account, reason != nil {
            let account = try await AccountError.stored { () async throws(StoreError) in
                try await directory.account(own)
            }
            guard account?.organisation != id else { throw .notAllowed("This is your own organisation.") }
        }
        var text: String?
        if let reason { text = try Self.text(reason, "reason") }
        let why = text
        let action = why == nil ? "organisation.restore" : "organisation.suspend"
        return try await changed { () async throws(StoreError) in
            try await store.suspendOrganisation(id, reason: why, audit: actor.event(action, Self.subject(id), now))
        }
    }

    // MARK: - Accounts

    package func people(_ listing: PeopleListing, for actor: PeopleActor) async throws(AccountError) -> [Person] {
        _ = try await organisation(listing.organisation, for: actor)
        return try await AccountError.stored { () async throws(StoreError) in try await store.people(listing) }
    }

    package func person(_ id: AccountID, for actor: PeopleActor) async throws(AccountError) -> Person {
        if !actor.managesPeople {
            // The same answer for who is elsewhere, and for nobody.
            let isOpen = try await AccountError.stored { () async throws(StoreError) in
                guard let member = actor.account else { return false }
                return try await permissions.managesUser(id, by: member)
            }
            guard isOpen else { throw Self.notAllowed }
        }
        guard let found = try await AccountError.stored({ () async throws(StoreError) in try await store.person(id) }),
            actor.sees(found.account.organisation)
        else { throw .store(.notFound) }
        return found
    }

    /// Changes display name, role and profile; nil stays.
    package func change(
        _ id: AccountID,
        displayName: String?,
        role: Role?,
        profile: ProfileText = ProfileText(),
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> Person {
        let (name, profile) = try checked(displayName, profile)
        if let role {
            guard role.rank <= actor.role.rank else { throw .notAllowed("You may not give the role \(role.rawValue).") }
            guard id != actor.account || role == actor.role else { throw .notAllowed("Nobody changes their own role.") }
        }
        let step = PersonStep.change(displayName: name, role: role, profile: profile)
        return try await take(step, "account.change", id, actor, now)
    }

    package func suspend(
        _ id: AccountID,
        reason: String,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> Person {
        try Self.requireOther(id, actor)
        let reason = try Self.text(reason, "reason")
        return try await take(.suspend(reason: reason), "account.suspend", id, actor, now)
    }

    /// Ends a suspension, or undoes a deletion within its grace.
    package func restore(_ id: AccountID, by actor: PeopleActor, now: Timestamp) async throws(AccountError) -> Person {
        try await take(.restore, "account.restore", id, actor, now)
    }

    /// Deletes; restorable for the grace that the settings give.
    package func delete(_ id: AccountID, by actor: PeopleActor, now: Timestamp) async throws(AccountError) -> Person {
        try Self.requireOther(id, actor)
        let purgeAt = now.adding(seconds: limits.graceSeconds)
        return try await take(.delete(purgeAt: purgeAt), "account.delete", id, actor, now)
    }

    /// An account whose password the actor may set: another's, with no role above the actor's.
    package func account(toReset id: AccountID, by actor: PeopleActor) async throws(AccountError) -> Account {
        let account = try await person(id, for: actor).account
        try Self.requireOther(id, actor)
        return try await managed(account.id, by: actor)
    }

    private func take(
        _ step: PersonStep,
        _ action: String,
        _ id: AccountID,
        _ actor: PeopleActor,
        _ now: Timestamp
    ) async throws(AccountError) -> Person {
        let account = try await managed(id, by: actor)
        return try await changed { () async throws(StoreError) in
            try await store.take(
                step,
                on: id,
                upTo: actor.role,
                audit: actor.event(action, account.primaryAddress.canonical, now)
            )
        }
    }

    // MARK: - Rules

    static let notAllowed = AccountError.notAllowed("Your role does not allow this.")

    private static func requireManager(_ actor: PeopleActor) throws(AccountError) {
        guard actor.managesPeople else { throw notAllowed }
    }

    private static func requireOther(_ id: AccountID, _ actor: PeopleActor) throws(AccountError) {
        guard id != actor.account else { throw .notAllowed("This is your own account.") }
    }

    /// Text that names and explains: at most `longestText` octets, without control characters.
    static func text(_ text: String, _ field: String, mayBeEmpty: Bool = false) throws(AccountError) -> String {
        let length = text.utf8.count
        guard length <= PeopleLimits.longestText, mayBeEmpty || length > 0,
            !text.utf8.contains(where: { $0 < 32 || $0 == 127 })
        else {
            throw .fieldRefused(
                field,
                "It takes \(mayBeEmpty ? 0 : 1) to \(PeopleLimits.longestText) octets, without control characters."
            )
        }
        return text
    }

    /// What audit lines call an organisation.
    static func subject(_ id: OrganisationID) -> String { "organisation \(id)" }

    /// Those who manage an account: `.notFound` for others, `.notAllowed` for those whose role is below the account's.
    func managed(_ id: AccountID, by actor: PeopleActor) async throws(AccountError) -> Account {
        let account = try await person(id, for: actor).account
        guard account.role.rank <= actor.role.rank else { throw .notAllowed("The account's role is above yours.") }
        return account
    }

    /// What the store refuses is in conflict with the state of things.
    func changed<Value>(_ work: () async throws(StoreError) -> Value) async throws(AccountError) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch .refused(let why) {
            throw .fieldTaken("status", why)
        } catch {
            throw .store(error)
        }
    }
}
