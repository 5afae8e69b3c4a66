package import MailModel

/// Who acts as an account in a session, why, and until when.
package struct SessionActor: Hashable, Sendable {
    package var account: AccountID
    /// Their primary address when they began.
    package var address: String
    package var reason: String
    /// Their own session in which they began: with it this one ends.
    package var family: String
    package var until: Timestamp
    /// Requests that were answered in it.
    package var requests: Int64 = 0
    package init(account: AccountID, address: String, reason: String, family: String, until: Timestamp) {
        self.account = account
        self.address = address
        self.reason = reason
        self.family = family
        self.until = until
    }
}

/// A session in which somebody acts as an account: it has no refresh token.
package struct ActingSession: Hashable, Sendable {
    /// Of whom.
    package var account: AccountID
    package var family: String
    package var actor: SessionActor
    package var createdAt: Timestamp
    /// The actor's program and where it is.
    package var origin: SessionOrigin
    package init(
        account: AccountID,
        family: String,
        actor: SessionActor,
        createdAt: Timestamp,
        origin: SessionOrigin
    ) {
        self.account = account
        self.family = family
        self.actor = actor
        self.createdAt = createdAt
        self.origin = origin
    }
}
