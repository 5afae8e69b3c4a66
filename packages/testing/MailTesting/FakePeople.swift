package import MailModel
package import MailPorts

/// Organisations and accounts of a fake directory; knows no reasons and keeps no last owner.
package struct FakePeople: PeopleStore {
    private let directory: FakeDirectory
    package init(_ directory: FakeDirectory) { self.directory = directory }

    private func record(_ known: Organisation) -> OrganisationRecord {
        OrganisationRecord(id: known.id, name: known.name, status: .active, reason: nil, createdAt: directory.now)
    }

    package func organisation(_ id: OrganisationID) async throws(StoreError) -> OrganisationRecord? {
        try directory.change { state in state.organisations.first { $0.id == id }.map(record) }
    }

    package func addOrganisation(
        named name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> OrganisationRecord {
        try directory.change { state in
            let made = Organisation(id: OrganisationID(Int64(state.organisations.count + 1)), name: name)
            state.organisations.append(made)
            state.audit.append(audit)
            return record(made)
        }
    }

    package func organisations(_ listing: OrganisationListing) async throws(StoreError) -> [OrganisationRecord] {
        try directory.change { state in
            Array(
                state.organisations.filter { listing.organisation == nil || $0.id == listing.organisation }
                    .prefix(listing.limit).map(record)
            )
        }
    }

    package func renameOrganisation(
        _ id: OrganisationID,
        to name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> OrganisationRecord {
        try directory.change { state throws(StoreError) in
            guard let place = state.organisations.firstIndex(where: { $0.id == id }) else { throw .notFound }
            state.organisations[place].name = name
            state.audit.append(audit)
            return record(state.organisations[place])
        }
    }

    package func suspendOrganisation(
        _ id: OrganisationID,
        reason: String?,
        audit: AuditEvent
    ) async throws(StoreError) -> OrganisationRecord { throw .refused("no fake") }

    package func setSignInPolicy(
        _ policy: SignInPolicy,
        of id: OrganisationID,
        replacing expected: Int64,
        audit: AuditEvent
    ) async throws(StoreError) -> SignInPolicyRecord {
        try directory.change { state throws(StoreError) in
            guard state.organisations.contains(where: { $0.id == id }) else { throw .notFound }
            guard (state.signInPolicies[id]?.version ?? 0) == expected else { throw .alreadyExists }
            let made = SignInPolicyRecord(version: expected + 1, policy: policy, changedAt: directory.now)
            state.signInPolicies[id] = made
            state.audit.append(audit)
            return made
        }
    }

    package func person(_ id: AccountID) async throws(StoreError) -> Person? {
        try directory.change { state in
            state.accounts.first { $0.id == id }.map { Person(account: $0, reason: nil, purgeAt: nil) }
        }
    }

    package func people(_ listing: PeopleListing) async throws(StoreError) -> [Person] {
        try directory.change { state in
            state.accounts.filter { account in
                account.organisation == listing.organisation && listing.role.map { $0 == account.role } ?? true
                    && listing.status.map { $0 == account.status } ?? true
            }.prefix(listing.limit).map {
                Person(account: $0, reason: nil, purgeAt: nil)
            }
        }
    }

    package func platformAdministrators(limit: Int) async throws(StoreError) -> [Account] {
        try directory.change { state in
            Array(state.accounts.filter { $0.role == .platformAdmin && $0.status == .active }.prefix(limit))
        }
    }

    package func take(
        _ step: PersonStep,
        on id: AccountID,
        upTo limit: Role,
        audit: AuditEvent
    ) async throws(StoreError) -> Person {
        try directory.change { state throws(StoreError) in
            guard let place = state.accounts.firstIndex(where: { $0.id == id }),
                state.accounts[place].role.rank <= limit.rank
            else { throw .notFound }
            var person = Person(account: state.accounts[place], reason: nil, purgeAt: nil)
            switch step {
            case .change(let name, let role, let profile):
                person.account.displayName = name ?? person.account.displayName
                person.account.role = role ?? person.account.role
                person.language = profile.language.applied(to: person.language)
                person.timeZone = profile.timeZone.applied(to: person.timeZone)
            case .suspend(let reason): (person.account.status, person.reason) = (.suspended, reason)
            case .restore: person.account.status = .active
            case .delete(let purgeAt): (person.account.status, person.purgeAt) = (.deleted, purgeAt)
            }
            state.accounts[place] = person.account
            state.audit.append(audit)
            return person
        }
    }

    package func accountsToPurge(now: Timestamp, limit: Int) async throws(StoreError) -> [AccountID] { [] }
    package func purgeAccount(_ id: AccountID, now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Bool {
        false
    }
}
