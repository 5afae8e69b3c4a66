package import MailModel

/// How a client misbehaves, by the words that lists, audit lines and metrics have.
package enum Misconduct: String, CaseIterable, Sendable {
    /// An address with a password, token or code that is not right.
    case failedSignIn = "failed_sign_in"
    /// A recipient that is not there: guessing which are.
    case unknownRecipient = "unknown_recipient"
    /// A recipient of a domain that is not ours, from somebody who has not signed in.
    case relayAttempt = "relay_attempt"
    /// A session that was ended for its wrong or endless commands.
    case protocolAbuse = "protocol_abuse"
    /// Octets before the greeting.
    case earlyTalk = "early_talk"
    /// Octets that are no TLS where a handshake was due.
    case brokenTLS = "broken_tls"
}

/// What a client did that speaks for it or against it.
package enum Conduct: Sendable, CustomStringConvertible {
    /// The same secret for the same account counts once: a program with an outdated password is no attacker.
    case failedSignIn(account: String, secret: String)
    case signedIn(AccountID)
    case unknownRecipient(EmailAddress)
    /// A message from outside was taken for these.
    case acceptedRecipients([EmailAddress])
    /// By domain: mail for one that has moved away comes from honest servers.
    case relayAttempt(domain: String)
    case protocolAbuse
    case earlyTalk
    case brokenTLS

    /// Holds no secret.
    package var description: String { misconduct?.rawValue ?? "good conduct" }

    /// nil for what speaks for the client.
    package var misconduct: Misconduct? {
        switch self {
        case .failedSignIn: .failedSignIn
        case .unknownRecipient: .unknownRecipient
        case .relayAttempt: .relayAttempt
        case .protocolAbuse: .protocolAbuse
        case .earlyTalk: .earlyTalk
        case .brokenTLS: .brokenTLS
        case .signedIn, .acceptedRecipients: nil
        }
    }
}

/// Takes note of what clients do, whichever protocol they speak.
package protocol ConductNoting: Sendable {
    /// Returns at once; keeps no secret.
    func note(_ conduct: Conduct, of remote: IPAddress)
}
