package import MailModel
package import MailPorts

/// An account that sends, and what it may send as.
package struct Submitter: Sendable {
    package var account: Account
    package var addresses: Set<EmailAddress>
    /// What divides details in each of their domains; `+` where it is not said.
    package var separators: [String: SubaddressSeparator]
    /// Others' addresses that it may use as if they were its own, as they are written, without details.
    package var lent: Set<EmailAddress>
    /// Others' addresses that it may name as author while it is the sender (RFC 5322 §3.6.2).
    package var onBehalfOf: Set<EmailAddress>
    /// Domains of which it may use every address.
    package var domains: Set<String>

    package init(
        account: Account,
        addresses: some Sequence<EmailAddress>,
        separators: [String: SubaddressSeparator] = [:],
        granted: [(kind: SendingGrantKind, address: EmailAddress)] = [],
        domains: some Sequence<String> = []
    ) {
        self.account = account
        self.addresses = Set(addresses)
        self.separators = separators
        lent = Set(granted.filter { $0.kind == .sendAs }.map(\.address))
        onBehalfOf = Set(granted.filter { $0.kind == .sendOnBehalf }.map(\.address))
        self.domains = Set(domains)
    }

    /// Whether it may name the address as author, perhaps as the sender on behalf of it.
    func mayWrite(as address: EmailAddress) -> Bool { maySend(as: address) || onBehalfOf.contains(address) }

    /// Its own addresses, with any detail that their domain has (RFC 6409 §6.1), those that are lent to it, and every one of the
    /// domains that it may send for.
    package func maySend(as address: EmailAddress) -> Bool {
        addresses.contains(address) || lent.contains(address) || domains.contains(address.domain)
            || address.withoutDetail(separators[address.domain] ?? .plus).contains(where: addresses.contains)
    }

    /// The null sender is for notifications, which mail programs send too (RFC 8098 §2.1).
    package func maySend(from path: ReversePath) -> Bool {
        switch path {
        case .null: true
        case .address(let address): maySend(as: address)
        }
    }
}

/// Who writes a message, as far as MAIL tells.
package enum Poster: Sendable {
    case account(Submitter)
    /// What a client that has not signed in claims: anybody can.
    case outside(ReversePath)
}
