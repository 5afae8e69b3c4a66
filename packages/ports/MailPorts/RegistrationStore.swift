package import MailModel

/// A registration within the platform; never reused.
package struct RegistrationID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// An account that somebody wants to have on a domain.
package struct Registration: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        /// The contact is not proved: gone when its time is over.
        case unverified
        /// Proved, with a password or a passkey; a manager of the domain decides.
        case waiting
    }
    package var id: RegistrationID
    /// The one that is wanted.
    package var address: EmailAddress
    /// Where the person reads mail today.
    package var contact: EmailAddress
    package var displayName: String
    package var state: State
    package var createdAt: Timestamp
    package var expiresAt: Timestamp
    package var remote: IPAddress?
    package init(
        id: RegistrationID,
        address: EmailAddress,
        contact: EmailAddress,
        displayName: String,
        state: State,
        createdAt: Timestamp,
        expiresAt: Timestamp,
        remote: IPAddress?
    ) {
        self.id = id
        self.address = address
        self.contact = contact
        self.displayName = displayName
        self.state = state
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.remote = remote
    }
}

/// What an account that comes of a registration is made with.
package struct RegisteredAccount: Sendable {
    /// Argon2id string, never logged; nil: a passkey, or what the registration keeps.
    package var passwordHash: String?
    /// In place of a password, for the number that `registeredAccount` gave.
    package var passkey: NewPasskey?
    package var quotaBytes: Int64?
    package init(passwordHash: String? = nil, passkey: NewPasskey? = nil, quotaBytes: Int64?) {
        (self.passwordHash, self.passkey, self.quotaBytes) = (passwordHash, passkey, quotaBytes)
    }
}

package enum RegistrationOutcome: Sendable {
    case made(Account)
    case waits(Registration)
}

/// Registrations of people on domains whose policy allows them.
///
/// Tokens and passwords lie as hashes. An account is made of an address that nothing else has: `.alreadyExists` when it is an
/// account's, an alias, a list, masked or invited, the detail of another one, or the domain's catch-all takes it. Its domain must be
/// verified and not suspended, and no alias: `.refused`.
package protocol RegistrationStore: Sendable {
    /// Keeps a registration (its `id` is chosen here); those whose time is over go. `.refused` when `limit` of the domain are kept.
    func addRegistration(
        _ new: Registration,
        tokenHash: [UInt8],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError)
    /// nil unless the token is good.
    func registration(byToken hash: [UInt8], now: Timestamp) async throws(StoreError) -> Registration?
    /// The same, with the number that its account will have, which is chosen at the first question: a passkey is made for it.
    func registeredAccount(
        byToken hash: [UInt8],
        now: Timestamp
    ) async throws(StoreError) -> (registration: Registration, account: AccountID)?
    /// Spends a token, as the domain's policy has it in this transaction: the account is made, or the registration waits until
    /// `decideBy`.
    ///
    /// - Throws: `.notFound` when the token is not good or the passkey is for another number, `.refused` when the domain takes no
    ///   registrations; nothing is spent then.
    func verifyRegistration(
        byToken hash: [UInt8],
        making account: RegisteredAccount,
        decideBy: Timestamp,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> RegistrationOutcome
    /// Those that wait for a decision.
    func waitingRegistrations(
        _ listing: RegistrationListing,
        now: Timestamp
    ) async throws(StoreError) -> [Registration]
    /// Makes the account. `.notFound` unless it waits, on a domain of the organisation.
    func approveRegistration(
        _ id: RegistrationID,
        of organisation: OrganisationID?,
        making account: RegisteredAccount,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> (registration: Registration, account: Account)
    /// Forgets it. `.notFound` unless it waits, on a domain of the organisation.
    func refuseRegistration(
        _ id: RegistrationID,
        of organisation: OrganisationID?,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Registration
}
