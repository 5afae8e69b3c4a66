package import MailModel
package import MailPorts

package struct InvitationLimits: Sendable {
    package var lifetimeSeconds: Int64 = 604_800
    /// Open ones of an organisation, and those that it makes in a day.
    package var open = 200
    static let daySeconds = 86_400
    /// Tokens tried from one client address in an hour.
    package var tries = 20
    static let windowSeconds = 3_600
    package init() {}
}

/// Invitations: an account is made when the person it is for chooses how to sign in: by a password or by a passkey.
///
/// Invariants: nobody invites to a role above their own; a token is spent once, and only its hash is kept; it goes to the contact, or
/// to the inviter when there is none, and to nobody else.
package struct InvitationService: Sendable {
    let store: any InvitationStore
    let people: PeopleService
    let accounts: AccountService
    /// nil: invitations are handed over by those who make them.
    private let notices: (any NoticeSending)?
    let limiter: any RateLimiter
    let limits: InvitationLimits
    /// nil where nobody accepts.
    let passkeys: PasskeyService?
    /// nil: nobody takes note of what clients do.
    let conduct: (any ConductNoting)?

    package init(
        store: any InvitationStore,
        people: PeopleService,
        accounts: AccountService,
        notices: (any NoticeSending)?,
        limiter: any RateLimiter,
        limits: InvitationLimits = InvitationLimits(),
        passkeys: PasskeyService? = nil,
        conduct: (any ConductNoting)? = nil
    ) {
        self.store = store
        self.people = people
        self.accounts = accounts
        self.notices = notices
        self.limiter = limiter
        self.limits = limits
        self.passkeys = passkeys
        self.conduct = conduct
    }

    /// - Parameters:
    ///   - email: the account's address, in a verified domain of the organisation.
    ///   - contact: where the token goes; nil: it is in the answer.
    package func invite(
        _ email: String,
        contact: String?,
        displayName: String,
        role: Role,
        to organisation: OrganisationID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> (invitation: Invitation, token: MailToken?) {
        guard role.rank <= actor.role.rank else { throw .notAllowed("You may not give the role \(role.rawValue).") }
        let address = try Self.address(email, "email")
        let record = try await people.organisation(organisation, invitingTo: address.domain, for: actor)
        let other = try contact.map { text throws(AccountError) in try Self.contact(text, of: address) }
        let name = try PeopleService.text(displayName, "display_name", mayBeEmpty: true)
        try await count(organisation, now)
        let token = MailToken.random()
        let invitation = try await add(
            Invitation(
                id: InvitationID(0),
                organisation: organisation,
                address: address,
                contact: other,
                displayName: name,
                role: role,
                invitedBy: actor.name,
                createdAt: now,
                expiresAt: now.adding(seconds: limits.lifetimeSeconds)
            ),
            token,
            actor,
            now
        )
        do throws(AccountError) {
            return (invitation, try await deliver(token, of: invitation, record, now))
        } catch .fieldRefused(let field, let why) {
            try await remove(invitation.id, of: organisation, actor, now)
            throw .fieldRefused(field, why)
        }
    }

    /// Invites anew whoever is invited: with another token, which goes to the contact; the one before is good no more.
    ///
    /// - Parameter contact: in place of the one that there is; nil: that one. Without any the token is in the answer.
    package func sendAgain(
        _ id: InvitationID,
        contact: String?,
        of organisation: OrganisationID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> (invitation: Invitation, token: MailToken?) {
        let record = try await people.organisation(organisation, for: actor)
        let other = try contact.map { text throws(AccountError) in try Self.address(text, "contact") }
        try await count(organisation, now)
        let token = MailToken.random()
        let invitation: Invitation
        do throws(StoreError) {
            invitation = try await store.renewInvitation(
                id,
                of: organisation,
                upTo: actor.role,
                contact: other.map { .set($0) } ?? .keep,
                tokenHash: token.hash(for: .invitation),
                expiresAt: now.adding(seconds: limits.lifetimeSeconds),
                audit: actor.event("invitation.send", "", now)
            )
        } catch .alreadyExists {
            throw .fieldTaken("email", "The address has become somebody's.")
        } catch .refused(let why) {
            throw .fieldTaken(contact == nil ? "email" : "contact", why)
        } catch {
            throw .store(error)
        }
        return (invitation, try await deliver(token, of: invitation, record, now))
    }

    private func count(_ organisation: OrganisationID, _ now: Timestamp) async throws(AccountError) {
        let key = "invitation:\(organisation)"
        let day = InvitationLimits.daySeconds
        if case .exceeded(let seconds) = await limiter.count(key, limit: limits.open, windowSeconds: day, now: now) {
            throw .tooMany(retryAfterSeconds: seconds)
        }
    }

    /// - Returns: the token where it did not go by mail, for the inviter to hand over.
    private func deliver(
        _ token: MailToken,
        of invitation: Invitation,
        _ record: OrganisationRecord,
        _ now: Timestamp
    ) async throws(AccountError) -> MailToken? {
        guard let contact = invitation.contact, let notices else { return token }
        do throws(StoreError) {
            try await notices.send(Self.notice(invitation, record, token, to: contact, now), now: now)
        } catch .refused {
            throw .fieldRefused("contact", "The address takes no mail.")
        } catch {
            throw .store(error)
        }
        return nil
    }

    private func add(
        _ new: Invitation,
        _ token: MailToken,
        _ actor: PeopleActor,
        _ now: Timestamp
    ) async throws(AccountError) -> Invitation {
        var audit = actor.event("invitation.add", new.address.canonical, now)
        audit.detail =
            AuditDetail().adding("role", new.role.rawValue).adding("contact", new.contact?.description).text
        do throws(StoreError) {
            return try await store.addInvitation(
                new,
                tokenHash: token.hash(for: .invitation),
                atMost: limits.open,
                audit: audit
            )
        } catch .alreadyExists {
            throw .fieldTaken("email", "\(new.address) is in use, or invited already.")
        } catch .refused(let why) {
            throw .fieldRefused("email", why)
        } catch {
            throw .store(error)
        }
    }

    /// Open ones.
    package func invitations(
        _ listing: InvitationListing,
        for actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> [Invitation] {
        _ = try await people.organisation(listing.organisation, for: actor)
        return try await AccountError.stored { () async throws(StoreError) in
            try await store.invitations(listing, now: now)
        }
    }

    package func revoke(
        _ id: InvitationID,
        of organisation: OrganisationID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) {
        _ = try await people.organisation(organisation, for: actor)
        try await remove(id, of: organisation, actor, now)
    }

    private func remove(
        _ id: InvitationID,
        of organisation: OrganisationID,
        _ actor: PeopleActor,
        _ now: Timestamp
    ) async throws(AccountError) {
        try await AccountError.stored { () async throws(StoreError) in
            try await store.removeInvitation(id, of: organisation, audit: actor.event("invitation.revoke", "", now))
        }
    }

    // MARK: - Words

    static let badToken = AccountError.fieldRefused("token", "The invitation is not good any more.")

    private static func address(_ text: String, _ field: String) throws(AccountError) -> EmailAddress {
        guard let address = EmailAddress(text) else {
            throw .fieldRefused(field, "This is no address.")
        }
        return address
    }

    private static func contact(_ text: String, of address: EmailAddress) throws(AccountError) -> EmailAddress {
        let place = try Self.address(text, "contact")
        guard place.canonical != address.canonical else {
            throw .fieldRefused("contact", "The account's own address is read by nobody yet.")
        }
        return place
    }

    private static func notice(
        _ invitation: Invitation,
        _ organisation: OrganisationRecord,
        _ token: MailToken,
        to contact: EmailAddress,
        _ now: Timestamp
    ) -> PlatformNotice {
        PlatformNotice(
            to: contact,
            from: invitation.address.domain,
            subject: "Your mailbox \(invitation.address)",
            text: """
                \(organisation.name) has a mailbox for you: \(invitation.address).

                Choose a password or a passkey for it with this token, which is good once and for \(
                    (invitation.expiresAt.seconds - now.seconds) / 3_600) hours:

                \(token.text)

                If you do not expect this, do nothing.
                """
        )
    }
}
