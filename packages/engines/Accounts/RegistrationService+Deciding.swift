package import MailModel
package import MailPorts

extension RegistrationService {
    /// Those that wait, for managers of their domains.
    ///
    /// - Parameter domain: who manages by a permission names it.
    package func waiting(
        onDomain domain: String?,
        after: RegistrationID?,
        limit: Int,
        for actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> [Registration] {
        try await permissions.requireUsers(of: domain ?? "", actor)
        return try await stored { () async throws(StoreError) in
            try await store.waitingRegistrations(
                of: actor.organisation,
                domain: domain,
                after: after,
                limit: limit,
                now: now
            )
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
            "Your account \(made.account.primaryAddress) is there: sign in with it and the password that you chose."
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
        let gone = try await stored { () async throws(StoreError) in
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
        let isTheirs = try await stored { () async throws(StoreError) in
            for grant in try await permissions.domainGrants(heldBy: member) where grant.permissions.contains(.users) {
                let found = try await store.waitingRegistrations(
                    of: actor.organisation,
                    domain: grant.domain,
                    after: RegistrationID(id.rawValue - 1),
                    limit: 1,
                    now: now
                )
                if found.first?.id == id { return true }
            }
            return false
        }
        guard isTheirs else { throw PeopleService.notAllowed }
    }
}
