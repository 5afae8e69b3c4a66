package import MailModel

/// From where and by what program a session is used.
package struct SessionOrigin: Hashable, Sendable {
    /// What the program says of itself, at most `maximumDevice` octets without control characters; empty when unknown.
    package var device: String
    package var remote: IPAddress?
    package static let maximumDevice = 200

    /// Cuts and cleans what a client sent.
    package init(device: String = "", remote: IPAddress? = nil) {
        let plain = device.utf8.map { $0 < 32 || $0 == 127 ? 32 : $0 }
        // A cut inside a character leaves a mark, not octets that are no text.
        self.device = String(decoding: plain.prefix(Self.maximumDevice), as: UTF8.self)
        self.remote = remote
    }
}

/// One signed-in session of the HTTP interfaces.
package struct SignInSession: Hashable, Sendable {
    package var family: String
    package var device: String
    /// nil for sessions from before this was kept.
    package var createdAt: Timestamp?
    /// When its tokens were made or last refreshed.
    package var lastUse: LastUse?
    /// nil: the account's own.
    package var actor: SessionActor?
    package init(
        family: String,
        device: String,
        createdAt: Timestamp?,
        lastUse: LastUse?,
        actor: SessionActor? = nil
    ) {
        self.family = family
        self.device = device
        self.createdAt = createdAt
        self.lastUse = lastUse
        self.actor = actor
    }
}

/// A refresh token of one signed-in session: only its hash is kept.
package struct RefreshToken: Sendable {
    package var account: AccountID
    /// All tokens that came from one sign-in; reuse of a spent one revokes the family.
    package var family: String
    package var hash: [UInt8]
    package var issuedAt: Timestamp
    package var expiresAt: Timestamp
    package var origin: SessionOrigin
    /// Its account's identity provider has said who it is: what the provider asks for is enough.
    package var isByProvider = false
    package init(
        account: AccountID,
        family: String,
        hash: [UInt8],
        issuedAt: Timestamp,
        expiresAt: Timestamp,
        origin: SessionOrigin = SessionOrigin()
    ) {
        self.account = account
        self.family = family
        self.hash = hash
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.origin = origin
    }
}

package enum RefreshOutcome: Sendable {
    case rotated(account: AccountID)
    case unknown
    /// It had been used before: the whole family is revoked now.
    case reused(account: AccountID)
}

/// Sessions of the HTTP interfaces, and small durable secrets of the platform.
///
/// Audit events are written in the transaction of what they tell of; nothing that changed leaves no line. An event without a
/// subject gets the account's primary address, and so for the actor.
package protocol SessionStore: Sendable {
    /// Begins a session; what has expired of the account's goes.
    func add(_ token: RefreshToken) async throws(StoreError)
    /// Spends the token with this hash and stores its successor, in one transaction; `alarm` is written when it had been used.
    func rotate(
        _ hash: [UInt8],
        to next: RefreshToken,
        now: Timestamp,
        alarm: AuditEvent
    ) async throws(StoreError) -> RefreshOutcome
    /// `.notFound` for an unknown token; a session that has ended leaves no line.
    func revokeFamily(ofToken hash: [UInt8], audit: AuditEvent) async throws(StoreError)
    /// Begins a session in which somebody acts as the account, with its audit line in one transaction; what the same actor had
    /// open as the account ends.
    func add(_ session: ActingSession, audit: AuditEvent) async throws(StoreError)
    /// Ends what an actor has open as the account, with its audit line; how many. Without any there is no line.
    func endSessions(
        of account: AccountID,
        actedBy actor: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) -> Int
    /// Counts a request in a session in which somebody acts, with its audit line.
    func noteActing(in family: String, audit: AuditEvent) async throws(StoreError)
    /// Those that can be refreshed and those in which somebody acts, the newest first, at most a thousand.
    func sessions(of account: AccountID, now: Timestamp) async throws(StoreError) -> [SignInSession]
    /// `.notFound` unless the account has it open.
    func revokeSession(_ family: String, of account: AccountID, audit: AuditEvent) async throws(StoreError)
    /// Ends all but one, or all; how many, which the line says too. Without any there is no line.
    func revokeSessions(
        of account: AccountID,
        except family: String?,
        audit: AuditEvent
    ) async throws(StoreError) -> Int
    func isRevoked(family: String) async throws(StoreError) -> Bool
    /// A session in which somebody acts has ended when the one has in which they began it, and is never limited.
    ///
    /// Limited: the account's organisation demands a second factor, and the account has none, or the session was begun at the
    /// sign-in pages without it. What its identity provider has vouched for is not.
    func worth(ofFamily family: String) async throws(StoreError) -> SessionWorth
    /// A named platform secret (sealed), made on first use: the closure's value wins only if none is there yet.
    func platformSecret(
        _ name: String,
        makingIfAbsent make: @Sendable () -> [UInt8]
    ) async throws(StoreError) -> [UInt8]
}
