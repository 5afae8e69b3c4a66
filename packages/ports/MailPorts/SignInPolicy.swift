package import MailModel

/// What an organisation asks of its people's signing in, beyond what the platform asks of everybody.
///
/// It adds and takes nothing away: where the platform asks for more, the platform's is in force.
package struct SignInPolicy: Hashable, Sendable {
    /// Characters of a new password; nil: the platform's.
    package var minimumLength: Int?
    /// Earlier passwords that may not come back; nil: the platform's.
    package var history: Int?
    /// Asks the list of passwords that attackers know, also where the platform asks it of nobody else.
    package var asksBreachedList = false
    /// Nobody signs in by a password alone.
    package var needsSecondFactor = false

    package init(
        minimumLength: Int? = nil,
        history: Int? = nil,
        asksBreachedList: Bool = false,
        needsSecondFactor: Bool = false
    ) {
        self.minimumLength = minimumLength
        self.history = history
        self.asksBreachedList = asksBreachedList
        self.needsSecondFactor = needsSecondFactor
    }

    /// As many characters as a policy may ask for.
    package static let longestMinimum = 128
    /// As many earlier passwords as a policy may refuse; each is compared, at the cost of a sign-in.
    package static let longestHistory = 24
}

/// A policy as it is kept: each change makes another version.
package struct SignInPolicyRecord: Hashable, Sendable {
    /// From 1, by one with each change; 0 before the first.
    package var version: Int64
    package var policy: SignInPolicy
    package var changedAt: Timestamp?
    package init(version: Int64 = 0, policy: SignInPolicy = SignInPolicy(), changedAt: Timestamp? = nil) {
        self.version = version
        self.policy = policy
        self.changedAt = changedAt
    }
}

/// What an account has beside its password, and whether it must have it.
package struct FactorStanding: Hashable, Sendable {
    /// What it has confirmed.
    package var kinds: Set<SecondFactorKind>
    /// Its organisation demands one.
    package var isDemanded: Bool
    package init(kinds: Set<SecondFactorKind>, isDemanded: Bool) { (self.kinds, self.isDemanded) = (kinds, isDemanded) }

    /// Whether the password alone signs in to everything.
    package var takesPasswordAlone: Bool { kinds.isEmpty && !isDemanded }
}

/// What an open session may do.
package enum SessionWorth: Hashable, Sendable {
    /// Unknown, or revoked.
    case ended
    /// Its account must enrol a second factor, or show the one that it has, and may do nothing else.
    case limited
    case full
}
