package import Logging
package import MailModel
package import MailPorts

package struct SignUpLimits: Sendable {
    package enum Mode: String, Sendable {
        /// Whoever proves an address has an organisation.
        case open
        /// An operator of the platform decides, once the address is proved.
        case approval
        case closed
    }
    package var mode = Mode.closed
    /// How long the address can be proved.
    package var lifetimeSeconds: Int64 = 86_400
    /// How long a proved one waits for a decision.
    package var decisionSeconds: Int64 = 2_592_000
    /// Mails to one address within the lifetime.
    package var mails = 3
    /// Requests, and tokens tried, from one client address in an hour.
    package var requests = 20
    /// Sign-ups that are kept at once.
    package var open = 1_000
    /// Sign-ups a day of which the platform's administrators are told by mail.
    package var operatorMails = 10
    /// Administrators that one mail goes to.
    static let operatorsTold = 10
    package init() {}
}

/// Organisations that sign themselves up, with an owner whose address is elsewhere.
///
/// Invariants: no answer tells whether an address has signed up or has an account; nothing is made before its address is proved;
/// tokens lie as hashes and are spent once; an address of a domain that is hosted here signs nobody up.
package struct SignUpService: Sendable {
    private static let day: Int64 = 86_400

    let store: any SignUpStore
    private let directory: any DirectoryStore
    private let people: any PeopleStore
    let accounts: AccountService
    let applicants: Applicants
    let limits: SignUpLimits
    /// nil where nobody signs up.
    let passkeys: PasskeyService?
    private let logger: Logger

    package init(
        store: any SignUpStore,
        directory: any DirectoryStore,
        people: any PeopleStore,
        accounts: AccountService,
        notices: (any NoticeSending)?,
        limiter: any RateLimiter,
        limits: SignUpLimits,
        conduct: (any ConductNoting)? = nil,
        passkeys: PasskeyService? = nil,
        logger: Logger = Logger(label: "auth")
    ) {
        self.store = store
        self.directory = directory
        self.people = people
        self.accounts = accounts
        self.limits = limits
        self.passkeys = passkeys
        self.logger = logger
        applicants = Applicants(
            kind: "sign_up",
            secret: .signUp,
            conduct: conduct,
            notices: notices,
            limiter: limiter,
            requests: limits.requests,
            logger: logger
        )
    }

    // MARK: - Signing up

    /// Mails a token to the address, which proves it.
    ///
    /// Whether the address is known already makes no difference to the caller, who answers after the same time.
    ///
    /// - Parameter password: nil: the person chooses with the token.
    package func signUp(
        organisation: String,
        email: String,
        password: String?,
        displayName: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        try requireOpen()
        let name = try PeopleService.text(organisation, "organisation")
        let person = try PeopleService.text(displayName, "display_name", mayBeEmpty: true)
        guard let address = EmailAddress(email) else {
            throw .fieldRefused("email", "This is no address.")
        }
        try await applicants.count("request", remote, now)
        var hash: String?
        if let password { hash = try await hashed(password, for: address) }
        guard await applicants.mayMail(address, atMost: limits.mails, inSeconds: limits.lifetimeSeconds, now) else {
            return
        }
        let isKnown = try await AccountError.stored { () async throws(StoreError) in
            if try await directory.account(withAddress: address) != nil { return true }
            return try await directory.domain(named: address.domain) != nil
        }
        guard !isKnown else {
            await applicants.tell(address, "You have signed up already", Self.known(address), now)
            return
        }
        let new = SignUp(
            id: SignUpID(0),
            organisation: name,
            email: address,
            displayName: person,
            state: .unverified,
            createdAt: now,
            expiresAt: now.adding(seconds: limits.lifetimeSeconds),
            remote: remote
        )
        try await keep(new, hash, now)
    }

    private func keep(_ new: SignUp, _ hash: String?, _ now: Timestamp) async throws(AccountError) {
        let token = MailToken.random()
        do throws(StoreError) {
            try await store.addSignUp(
                new,
                passwordHash: hash,
                tokenHash: token.hash(for: .signUp),
                atMost: limits.open,
                audit: AuditEvent(
                    at: now,
                    actor: "-",
                    action: "sign_up.request",
                    subject: "sign-up",
                    remote: new.remote
                )
            )
        } catch {
            // As for an address that is known, of which nothing is kept: an answer would tell which this is.
            guard case .refused(let why) = error else { throw .store(error) }
            logger.warning("a sign-up was not kept", metadata: ["why": "\(why)"])
            return
        }
        let text = """
            Somebody wants an organisation named "\(new.organisation)" here, with this address as its owner's.

            If it was you, prove the address with this token, good once and for \(limits.lifetimeSeconds / 3_600) hours:

            \(token.text)

            If it was not you, do nothing.
            """
        await applicants.tell(new.email, "Prove your address", text, now)
    }

    /// So many a day; a mail that is not sent undoes nothing, as the list has every one that waits.
    func tellOperators(of waiting: SignUp, _ now: Timestamp) async {
        guard await applicants.mayTell(of: "", atMost: limits.operatorMails, inSeconds: Self.day, now) else { return }
        let text = """
            \(waiting.email) wants to have the organisation "\(waiting.organisation)".

            The address is proved. Approve or refuse sign-up \(waiting.id) within \(limits.decisionSeconds / Self.day) days; after that it is forgotten.
            """
        do throws(StoreError) {
            for reader in try await people.platformAdministrators(limit: SignUpLimits.operatorsTold) {
                await applicants.tell(reader.primaryAddress, "A sign-up waits", text, now)
            }
        } catch {
            logger.notice("who operates the platform was not found", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Deciding

    /// Those that wait, for operators of the platform.
    package func waiting(
        _ listing: SignUpListing,
        for actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> [SignUp] {
        try Self.requireOperator(actor)
        return try await AccountError.stored { () async throws(StoreError) in
            try await store.waitingSignUps(listing, now: now)
        }
    }

    package func approve(_ id: SignUpID, by actor: PeopleActor, now: Timestamp) async throws(AccountError) -> Account {
        try Self.requireOperator(actor)
        let made: (signUp: SignUp, account: Account)
        do throws(StoreError) {
            made = try await store.approveSignUp(id, now: now, audit: actor.event("sign_up.approve", "", now))
        } catch .alreadyExists {
            throw .fieldTaken("email", "The address has an account by now.")
        } catch {
            throw .store(error)
        }
        let text =
            "Your organisation \"\(made.signUp.organisation)\" is there: sign in with this address and what you chose."
        await applicants.tell(made.signUp.email, "Welcome", text, now)
        return made.account
    }

    /// Forgets it and tells why.
    package func refuse(
        _ id: SignUpID,
        reason: String,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> SignUp {
        try Self.requireOperator(actor)
        let reason = try PeopleService.text(reason, "reason")
        var audit = actor.event("sign_up.refuse", "sign-up \(id)", now)
        audit.detail = AuditDetail().adding("reason", reason).text
        let event = audit
        let gone = try await AccountError.stored { () async throws(StoreError) in
            try await store.refuseSignUp(id, now: now, audit: event)
        }
        let text = "There will be no organisation \"\(gone.organisation)\" here: \(reason)"
        await applicants.tell(gone.email, "Your sign-up was refused", text, now)
        return gone
    }

    // MARK: - Steps

    static let badToken = AccountError.fieldRefused("token", "The token is not good; sign up again.")

    private static func known(_ address: EmailAddress) -> String {
        """
        Somebody wanted to sign up with \(address), which has an account here or belongs to a domain that is hosted here.

        Sign in with it, ask for a new password, or sign up with an address elsewhere. If it was not you, do nothing.
        """
    }

    func requireOpen() throws(AccountError) {
        guard limits.mode != .closed else { throw .notAllowed("Organisations do not sign themselves up here.") }
    }

    private static func requireOperator(_ actor: PeopleActor) throws(AccountError) {
        guard actor.role == .platformAdmin else { throw .notAllowed("Operators of the platform decide.") }
    }
}
