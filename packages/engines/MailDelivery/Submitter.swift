package import MailModel
package import MailPorts

/// An account that sends, and what it may send as.
package struct Submitter: Sendable {
    package var account: Account
    package var addresses: Set<EmailAddress>

    package init(account: Account, addresses: some Sequence<EmailAddress>) {
        self.account = account
        self.addresses = Set(addresses)
    }

    /// Its own addresses, with any `+detail` (RFC 6409 §6.1).
    package func maySend(as address: EmailAddress) -> Bool {
        addresses.contains(address) || address.withoutDetail.map(addresses.contains) ?? false
    }

    /// The null sender is for notifications, which mail programs send too (RFC 8098 §2.1).
    package func maySend(from path: ReversePath) -> Bool {
        switch path {
        case .null: true
        case .address(let address): maySend(as: address)
        }
    }
}
