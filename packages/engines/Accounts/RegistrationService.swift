package import Logging
package import MailModel
package import MailPorts

/// People who register on a domain whose policy allows it, with a contact elsewhere.
///
/// Invariants: an answer tells of domains, never of addresses; nothing is made before the contact is proved; tokens lie as hashes and
/// are spent once; the domain's policy counts as it is when the token is spent, and the password goes by its organisation's.
package struct RegistrationService: Sendable {
    let store: any RegistrationStore
    let directory: any DirectoryStore
    private let policies: any PolicyStore
    let people: any PeopleStore
    let permissions: any DomainPermissionStore
    let accounts: AccountService
    let applicants: Applicants
    let limits: RegistrationLimits
    /// nil where nobody registers.
    let passkeys: PasskeyService?
    /// Whether the domain's people sign in by an identity provider alone: a password is of no use there.
    private let demandsProvider: @Sendable (String) async throws(StoreError) -> Bool
    private let logger: Logger

    package init(
        store: any RegistrationStore,
        directory: any DirectoryStore,
        policies: any PolicyStore,
        people: any PeopleStore,
        permissions: any DomainPermissionStore,
        accounts: AccountService,
        notices: (any NoticeSending)?,
        limiter: any RateLimiter,
        limits: RegistrationLimits,
        demandsProvider: @escaping @Sendable (String) async throws(StoreError) -> Bool = { _ in false },
        conduct: (any ConductNoting)? = nil,
        passkeys: PasskeyService? = nil,
        logger: Logger = Logger(label: "auth")
    ) {
        self.store = store
        self.directory = directory
        self.policies = policies
        self.people = people
        self.permissions = permissions
        self.accounts = accounts
        self.limits = limits
        self.passkeys = passkeys
        self.demandsProvider = demandsProvider
        self.logger = logger
        applicants = Applicants(
            kind: "registration",
            secret: .registration,
            conduct: conduct,
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

            If it was you, go on with this token, good once and for \(limits.lifetimeSeconds / 3_600) hours, and choose a password or a passkey:

            \(token.text)

            If it was not you, do nothing.
            """
        await applicants.tell(new.contact, from: new.address.domain, "Your registration of \(new.address)", text, now)
    }

    // MARK: - Rules

    static let badToken = AccountError.fieldRefused("token", "The token is not good; register again.")
    static let closed = AccountError.notAllowed("The domain takes no registrations.")
    static let reserved = AccountError.fieldRefused("email", "This name is kept for the domain itself.")
    static let unavailable = AccountError.fieldTaken(
        "email",
        "This address cannot be had; register another one."
    )

    /// Whose domain it is; a domain that is not hosted is answered as one that is closed.
    @discardableResult
    func requireOpen(_ name: String) async throws(AccountError) -> OrganisationID {
        let owner = try await AccountError.stored { () async throws(StoreError) -> OrganisationID? in
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
        guard let address = EmailAddress(text) else {
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
}
