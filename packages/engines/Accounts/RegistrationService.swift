package import Logging
package import MailModel
package import MailPorts

/// People who register on a domain whose policy allows it, with a contact elsewhere.
///
/// Invariants: an answer tells of domains, never of addresses; nothing is made before the contact is proved; tokens lie as hashes and
/// are spent once; the domain's policy counts as it is when the token is spent, and the password goes by its organisation's.
package struct RegistrationService: Sendable {
    private let store: any RegistrationStore
    let directory: any DirectoryStore
    private let policies: any PolicyStore
    let people: any PeopleStore
    private let accounts: AccountService
    let applicants: Applicants
    let limits: RegistrationLimits
    /// Whether the domain's people sign in by an identity provider alone: a password is of no use there.
    private let demandsProvider: @Sendable (String) async throws(StoreError) -> Bool
    private let logger: Logger

    package init(
        store: any RegistrationStore,
        directory: any DirectoryStore,
        policies: any PolicyStore,
        people: any PeopleStore,
        accounts: AccountService,
        notices: (any NoticeSending)?,
        limiter: any RateLimiter,
        limits: RegistrationLimits,
        demandsProvider: @escaping @Sendable (String) async throws(StoreError) -> Bool = { _ in false },
        logger: Logger = Logger(label: "auth")
    ) {
        self.store = store
        self.directory = directory
        self.policies = policies
        self.people = people
        self.accounts = accounts
        self.limits = limits
        self.demandsProvider = demandsProvider
        self.logger = logger
        applicants = Applicants(
            kind: "registration",
            notices: notices,
            limiter: limiter,
            requests: limits.requests,
            logger: logger
        )
    }

    // MARK: - Registering

    /// Mails a token to the contact, which proves it.
    ///
    /// Whether the wanted address is taken makes no difference to the caller, nor to the mail.
    package func register(
        _ email: String,
        contact: String,
        displayName: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        try await applicants.count("request", remote, now)
        let name = try PeopleService.text(displayName, "display_name", mayBeEmpty: true)
        let address = try Self.wanted(email)
        let place = try Self.address(contact, "contact")
        guard place.domain != address.domain else {
            throw .fieldRefused("contact", "The contact is an address elsewhere, where you read mail today.")
        }
        try await requireOpen(address.domain)
        guard await applicants.mayMail(place, atMost: limits.mails, inSeconds: limits.lifetimeSeconds, now) else {
            return
        }
        let new = Registration(
            id: RegistrationID(0),
            address: address,
            contact: place,
            displayName: name,
            state: .unverified,
            createdAt: now,
            expiresAt: now.adding(seconds: limits.lifetimeSeconds),
            remote: remote
        )
        try await keep(new, now)
    }

    private func keep(_ new: Registration, _ now: Timestamp) async throws(AccountError) {
        let token = MailToken.random()
        do throws(StoreError) {
            try await store.addRegistration(
                new,
                tokenHash: token.hash(for: .registration),
                atMost: limits.perDomain,
                audit: AuditEvent(
                    at: now,
                    actor: "-",
                    action: "registration.request",
                    subject: new.address.domain,
                    remote: new.remote
                )
            )
        } catch {
            guard case .refused(let why) = error else { throw .store(error) }
            logger.warning(
                "a registration was not kept",
                metadata: ["why": "\(why)", "domain": "\(new.address.domain)"]
            )
            return
        }
        let text = """
            Somebody wants to register \(new.address), with this address as the contact.

            If it was you, go on with this token, good once and for \(limits.lifetimeSeconds / 3_600) hours, and choose a password:

            \(token.text)

            If it was not you, do nothing.
            """
        await applicants.tell(new.contact, from: new.address.domain, "Your registration of \(new.address)", text, now)
    }

    /// Spends a token with the password that the person chose: the account is made, or a manager of the domain decides.
    package func verify(
        token text: String,
        password: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> RegistrationOutcome {
        try await applicants.count("spend", remote, now)
        guard let hash = MailToken(pasted: text)?.hash(for: .registration),
            let known = try await stored({ () async throws(StoreError) in
                try await store.registration(byToken: hash, now: now)
            })
        else { throw Self.badToken }
        let address = known.address
        let owner = try await requireOpen(address.domain)
        guard !ReservedNames.contain(address.localPart) else { throw Self.reserved }
        if let objection = try await accounts.objection(to: password, address: address.canonical, of: owner) {
            throw .passwordRefused(objection)
        }
        let passwordHash = try await accounts.hashed(password)
        do throws(StoreError) {
            let outcome = try await store.verifyRegistration(
                byToken: hash,
                making: RegisteredAccount(passwordHash: passwordHash, quotaBytes: accounts.defaultQuota),
                decideBy: now.adding(seconds: limits.decisionSeconds),
                now: now,
                audit: AuditEvent(at: now, actor: "", action: "registration.verified", subject: "", remote: remote)
            )
            if case .waits(let registration) = outcome { await tellManagers(of: registration, in: owner, now) }
            return outcome
        } catch .notFound {
            throw Self.badToken
        } catch .alreadyExists {
            throw Self.unavailable
        } catch .refused {
            throw Self.closed
        } catch {
            throw .store(error)
        }
    }

    // MARK: - Deciding

    /// Those that wait, on domains that the actor manages.
    package func waiting(
        _ listing: RegistrationListing,
        for actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> [Registration] {
        try Self.requireManager(actor)
        var own = listing
        own.organisation = actor.organisation ?? listing.organisation
        let listing = own
        return try await stored { () async throws(StoreError) in
            try await store.waitingRegistrations(listing, now: now)
        }
    }

    package func approve(
        _ id: RegistrationID,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> Account {
        try Self.requireManager(actor)
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
        try Self.requireManager(actor)
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

    // MARK: - Rules

    private static let badToken = AccountError.fieldRefused("token", "The token is not good; register again.")
    private static let closed = AccountError.notAllowed("The domain takes no registrations.")
    private static let reserved = AccountError.fieldRefused("email", "This name is kept for the domain itself.")
    private static let unavailable = AccountError.fieldTaken(
        "email",
        "This address cannot be had; register another one."
    )

    private static func requireManager(_ actor: PeopleActor) throws(AccountError) {
        guard actor.managesPeople else { throw .notAllowed("Your role does not allow this.") }
    }

    /// Whose domain it is; a domain that is not hosted is answered as one that is closed.
    @discardableResult
    private func requireOpen(_ name: String) async throws(AccountError) -> OrganisationID {
        let owner = try await stored { () async throws(StoreError) -> OrganisationID? in
            guard let domain = try await directory.domain(named: name), domain.status == .active,
                // As it is kept: registrations are few, and what was opened a moment ago is open.
                let mode = try await policies.policyRecord(ofDomain: name).policy.registration, mode != .closed,
                try await !demandsProvider(name)
            else { return nil }
            return domain.organisation
        }
        guard let owner else { throw Self.closed }
        return owner
    }

    private static func address(_ text: String, _ field: String) throws(AccountError) -> EmailAddress {
        guard text.utf8.count <= 320, let address = EmailAddress(text) else {
            throw .fieldRefused(field, "This is no address.")
        }
        return address
    }

    /// An address that people can say: ASCII letters, digits, and single dots, hyphens and underscores between them.
    private static func wanted(_ text: String) throws(AccountError) -> EmailAddress {
        let address = try address(text, "email")
        let name = Array(address.localPart.utf8)
        func isWord(_ byte: UInt8) -> Bool { (97...122).contains(byte | 32) || (48...57).contains(byte) }
        let isPlain = name.indices.allSatisfy { place in
            if isWord(name[place]) { return true }
            guard [45, 46, 95].contains(name[place]), place > 0, place + 1 < name.count else { return false }
            return isWord(name[place - 1])
        }
        guard isPlain, (1...RegistrationLimits.longestName).contains(name.count) else {
            throw .fieldRefused(
                "email",
                "Before the @ it takes letters, digits, and single dots, hyphens and underscores between them."
            )
        }
        guard !ReservedNames.contain(address.localPart) else { throw reserved }
        return address
    }

    private func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(AccountError) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }
}
