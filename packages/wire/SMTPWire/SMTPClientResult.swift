/// What came of one recipient.
package enum SMTPClientOutcome: Hashable, Sendable {
    case accepted(SMTPReply)
    case transient(SMTPReply)
    case permanent(SMTPReply)

    package var reply: SMTPReply {
        switch self {
        case .accepted(let reply), .transient(let reply), .permanent(let reply): reply
        }
    }
}

/// What came of one transaction.
package struct SMTPClientResult: Hashable, Sendable {
    /// Whether the host answered well enough to carry mail; false: try the next host.
    package var reached: Bool
    /// One per recipient, in the transaction's order.
    package var outcomes: [SMTPClientOutcome]

    package init(reached: Bool, outcomes: [SMTPClientOutcome]) {
        self.reached = reached
        self.outcomes = outcomes
    }
}

/// Credentials for a smart host.
package struct SMTPClientCredentials: Hashable, Sendable, CustomStringConvertible {
    package let user: String
    package let password: SensitiveBytes

    package init(user: String, password: String) {
        self.user = user
        self.password = SensitiveBytes(Array(password.utf8))
    }

    package var description: String { "\(user) [redacted]" }
}

/// RFC 5321 §4.5.3.2: how long a client waits for what.
package enum SMTPTimeout: Hashable, Sendable, CaseIterable {
    case greeting
    case hello
    case startTLS
    case auth
    case mail
    case recipient
    case dataInitiation
    case dataBlock
    case dataTermination
    case quit

    package var seconds: Int {
        switch self {
        case .greeting: 300  // RFC 5321 §4.5.3.2.1
        case .hello, .startTLS, .auth: 120  // not in the RFC
        case .mail: 300  // RFC 5321 §4.5.3.2.2
        case .recipient: 300  // RFC 5321 §4.5.3.2.3
        case .dataInitiation: 120  // RFC 5321 §4.5.3.2.4
        case .dataBlock: 180  // RFC 5321 §4.5.3.2.5
        case .dataTermination: 600  // RFC 5321 §4.5.3.2.6
        case .quit: 10  // the message is settled: no reason to wait
        }
    }
}
