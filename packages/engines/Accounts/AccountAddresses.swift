package import MailModel
package import MailPorts

/// Several addresses of one account, managed by those who manage the account.
///
/// Invariants: every address is in a verified domain of the account's organisation; one is the primary, and it stays until another
/// is; what is another organisation's is not there.
package struct AccountAddresses: Sendable {
    private let store: any AccountAddressStore
    private let people: PeopleService
    private let limit: Int

    /// - Parameter limit: addresses of one account.
    package init(store: any AccountAddressStore, people: PeopleService, limit: Int) {
        self.store = store
        self.people = people
        self.limit = limit
    }

    package func own(_ account: Account) async throws(AccountError) -> [AccountAddress] {
        try await AccountError.stored { () async throws(StoreError) in try await store.accountAddresses(of: account.id)
        }
    }

    package func list(of id: AccountID, for actor: PeopleActor) async throws(AccountError) -> [AccountAddress] {
        try await own(try await people.person(id, for: actor).account)
    }

    /// - Parameter text: in a verified domain of the organisation; nobody else has it.
    package func add(
        _ text: String,
        to id: AccountID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> AccountAddress {
        let account = try await people.managed(id, by: actor)
        let address = try Self.address(text)
        try await people.permissions.requireUsers(of: address.domain, actor)
        do throws(StoreError) {
            try await store.addAccountAddress(
                address,
                to: id,
                atMost: limit,
                now: now,
                audit: event("account.address.add", account, address, actor, now)
            )
        } catch .alreadyExists {
            throw .addressTaken(address)
        } catch .refused(let why) {
            throw .fieldRefused("email", why)
        } catch {
            throw .store(error)
        }
        return AccountAddress(address, isPrimary: false)
    }

    /// The account is called by it from now on; the old primary stays one of its addresses.
    package func makePrimary(
        _ text: String,
        of id: AccountID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> [AccountAddress] {
        let account = try await people.managed(id, by: actor)
        let address = try Self.address(text)
        try await people.permissions.requireUsers(of: address.domain, actor)
        return try await people.changed { () async throws(StoreError) in
            try await store.makePrimary(
                address,
                of: id,
                audit: event("account.address.primary", account, address, actor, now)
            )
            return try await store.accountAddresses(of: id)
        }
    }

    package func remove(
        _ text: String,
        of id: AccountID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) {
        let account = try await people.managed(id, by: actor)
        guard let address = EmailAddress(text) else { throw .store(.notFound) }
        try await people.changed { () async throws(StoreError) in
            try await store.removeAccountAddress(
                address,
                of: id,
                audit: event("account.address.remove", account, address, actor, now)
            )
        }
    }

    private static func address(_ text: String) throws(AccountError) -> EmailAddress {
        guard let address = EmailAddress(text) else {
            throw .fieldRefused("email", "This is no address.")
        }
        return address
    }

    private func event(
        _ action: String,
        _ account: Account,
        _ address: EmailAddress,
        _ actor: PeopleActor,
        _ now: Timestamp
    ) -> AuditEvent {
        var event = actor.event(action, account.primaryAddress.canonical, now)
        event.detail = AuditDetail().adding("address", address.canonical).text
        return event
    }
}
