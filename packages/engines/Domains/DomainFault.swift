package import MailPorts

/// Why the state of a domain was not changed.
package enum DomainFault: Error, Equatable, Sendable {
    /// Neither hosted for nor claimed by whom it was asked for (permanent).
    case notFound
    /// Several organisations claim it: whose is meant must be said (permanent).
    case ambiguous
    /// Another organisation has proved the domain; an operator must decide between them (permanent).
    case conflict
    /// The challenge is not published where it was looked for (permanent until it is).
    case challengeMissing(DomainChallenge, seen: [String])
    /// The challenge was given too long ago; another one is to be had (permanent).
    case challengeExpired
    /// DNS did not answer: nothing is known and nothing changes (transient).
    case dnsUnavailable
    /// A new signing key is not published; the sentence says what to do (permanent until it is).
    case keyNotSeen(String)
    case store(StoreError)

    /// A sentence for the owner of the domain; never a cause.
    package var text: String {
        switch self {
        case .notFound: "there is no such domain"
        case .ambiguous: "several organisations claim this domain: name one"
        case .conflict: "another organisation has proved this domain already"
        case .challengeMissing(let challenge, let seen):
            "\(challenge.name) has no TXT record \"\(challenge.text)\""
                + (seen.isEmpty ? ": nothing was found there" : ": found were \(seen.joined(separator: ", "))")
        case .challengeExpired: "the challenge has expired: ask for another one"
        case .dnsUnavailable: "DNS does not answer: try again later"
        case .keyNotSeen(let advice): "the key is not seen in DNS: \(advice)"
        case .store: "the store did not take it"
        }
    }
}
