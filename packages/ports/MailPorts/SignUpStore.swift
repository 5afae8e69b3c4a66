package import MailModel

/// A sign-up within the platform; never reused.
package struct SignUpID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// An organisation that somebody wants to have here.
package struct SignUp: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        /// The address is not proved: gone when its time is over.
        case unverified
        /// Proved; an operator of the platform decides.
        case waiting
    }
    package var id: SignUpID
    package var organisation: String
    /// Of the owner, elsewhere.
    package var email: EmailAddress
    package var displayName: String
    package var state: State
    package var createdAt: Timestamp
    package var expiresAt: Timestamp
    package var remote: IPAddress?
    package init(
        id: SignUpID,
        organisation: String,
        email: EmailAddress,
        displayName: String,
        state: State,
        createdAt: Timestamp,
        expiresAt: Timestamp,
        remote: IPAddress?
    ) {
        self.id = id
        self.organisation = organisation
        self.email = email
        self.displayName = displayName
        self.state = state
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.remote = remote
    }
}

/// Sign-ups of organisations.
///
/// Tokens and passwords lie as hashes.
///
/// The owner's account has its address elsewhere until it is given one here: it signs in with it, and neither takes nor sends mail
/// by it. Whoever hosts the address's domain later is not in its way.
package protocol SignUpStore: Sendable {
    /// Keeps a sign-up (its `id` is chosen here), without a password if its person chooses later; those whose time is over go.
    /// `.refused` when `limit` wait already.
    func addSignUp(
        _ new: SignUp,
        passwordHash: String?,
        tokenHash: [UInt8],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError)
    /// What the token is for, with the number that its account will have, which is chosen at the first question: a passkey is made for
    /// it. nil unless the token is good.
    func signedUpAccount(
        byToken hash: [UInt8],
        now: Timestamp
    ) async throws(StoreError) -> (signUp: SignUp, account: AccountID)?
    /// Spends a token: the organisation and its owner are made, or the sign-up waits until `decideBy`.
    ///
    /// `.notFound` when the token is not good or the passkey is for another number, `.alreadyExists` when the address has signed up
    /// meanwhile, `.refused` when nothing was chosen to sign in by; nothing is spent then.
    ///
    /// - Parameter chosen: in place of the password that the sign-up has; nil: that one.
    func verifySignUp(
        byToken hash: [UInt8],
        choosing chosen: ChosenCredential?,
        decideBy: Timestamp?,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> SignUpOutcome
    /// Those that wait for a decision.
    func waitingSignUps(_ listing: SignUpListing, now: Timestamp) async throws(StoreError) -> [SignUp]
    /// Makes the organisation and its owner. `.notFound` unless it waits.
    func approveSignUp(
        _ id: SignUpID,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> (signUp: SignUp, account: Account)
    /// Forgets it. `.notFound` unless it waits.
    func refuseSignUp(_ id: SignUpID, now: Timestamp, audit: AuditEvent) async throws(StoreError) -> SignUp
}

extension SignUpStore {
    /// The same with the password that the sign-up has.
    package func verifySignUp(
        byToken hash: [UInt8],
        decideBy: Timestamp?,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> SignUpOutcome {
        try await verifySignUp(byToken: hash, choosing: nil, decideBy: decideBy, now: now, audit: audit)
    }
}

package enum SignUpOutcome: Sendable {
    case made(Account)
    case waits(SignUp)
}
