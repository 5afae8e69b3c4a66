package import MailModel
package import MailPorts

extension RegistrationService {
    /// Registrations read at once, when it is looked where one waits.
    private static let page = 500

    /// Those that wait, on domains that the actor manages; who manages by a permission names the domain.
    package func waiting(
        _ listing: RegistrationListing,
        for actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> [Registration] {
        try await permissions.requireUsers(of: listing.domain ?? "", actor)
        var own = listing
        own.organisation = actor.organisation ?? listing.organisation
        let listing = own
        return try await AccountError.stored { () async throws(StoreError) in
            try await store.waitingRegistrations(listing, now: now)
        }
    }

    package func approve(
        _ id: RegistrationID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> Account {
        try await requireDecides(id, actor, now)
        let made: (registration: Registration, account: Account)
        do throws(StoreError) {
            made = try await store.approveRegistration(
                id,
                of: actor.organisation,
                making: RegisteredAccount(quotaBytes: accounts.defaultQuota),
                now: now,
                audit: actor.event("registration.approve", "", now)
            )
        } catch .alreadyExists {
            throw .fieldTaken("email", "The address is in use by now, or the domain's catch-all takes it.")
        } catch .refused(let why) {
            throw .fieldTaken("email", why)
        } catch {
            throw .store(error)
        }
        let text =
            "Your account \(made.account.primaryAddress) is there: sign in with the password or the passkey that you chose."
        let address = made.registration.address
        await applicants.tell(made.registration.contact, from: address.domain, "Welcome", text, now)
        return made.account
    }

    /// Forgets it and tells why.
    package func refuse(
        _ id: RegistrationID,
        reason: String,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> Registration {
        try await requireDecides(id, actor, now)
        let reason = try PeopleService.text(reason, "reason")
        var audit = actor.event("registration.refuse", "", now)
        audit.detail = AuditDetail().adding("reason", reason).text
        let event = audit
        let gone = try await AccountError.stored { () async throws(StoreError) in
            try await store.refuseRegistration(id, of: actor.organisation, now: now, audit: event)
        }
        let text = "There will be no account \(gone.address): \(reason)"
        await applicants.tell(gone.contact, from: gone.address.domain, "Your registration was refused", text, now)
        return gone
    }

    /// Passes those who manage by role; a member only where it waits on a domain whose accounts they manage.
    private func requireDecides(
        _ id: RegistrationID,
        _ actor: PeopleActor,
        _ now: Timestamp
    ) async throws(AccountError) {
        if actor.managesPeople { return }
        guard let member = actor.account else { throw PeopleService.notAllowed }
        let isTheirs = try await AccountError.stored { () async throws(StoreError) in
            for grant in try await permissions.domainGrants(heldBy: member) where grant.permissions.contains(.users) {
                var listing = RegistrationListing(organisation: actor.organisation, limit: Self.page)
                listing.domain = grant.domain
                let found = try await listing.every { page throws(StoreError) in
                    try await store.waitingRegistrations(page, now: now)
                }
                if found.contains(where: { $0.id == id }) { return true }
            }
            return false
        }
        guard isTheirs else { throw PeopleService.notAllowed }
    }
}
