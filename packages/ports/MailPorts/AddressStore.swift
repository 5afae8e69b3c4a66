package import MailModel

/// An address that stands for others.
package struct Alias: Hashable, Sendable {
    package var address: EmailAddress
    /// In the order given; never empty.
    package var targets: [EmailAddress]
    package init(address: EmailAddress, targets: [EmailAddress]) { (self.address, self.targets) = (address, targets) }
}

/// Where a domain's mail to addresses that nobody has goes.
package enum CatchAll: Hashable, Sendable {
    /// An account of the domain's organisation.
    case deliver(EmailAddress)
    /// Any other address.
    case forward(EmailAddress)

    package var target: EmailAddress {
        switch self {
        case .deliver(let address), .forward(let address): address
        }
    }
}

/// What divides an address from its detail (RFC 5233 §1).
package enum SubaddressSeparator: String, Sendable, CaseIterable {
    case plus = "+"
    case minus = "-"
    /// The domain has no details.
    case off
}

/// How a domain takes addresses that are not listed.
package struct DomainRouting: Hashable, Sendable {
    /// The domain that every local part is looked up in instead; nil for a domain of its own.
    package var aliasOf: String?
    package var separator: SubaddressSeparator
    /// nil: such mail is refused.
    package var catchAll: CatchAll?
    package init(
        aliasOf: String? = nil,
        separator: SubaddressSeparator = .plus,
        catchAll: CatchAll? = nil
    ) {
        (self.aliasOf, self.separator, self.catchAll) = (aliasOf, separator, catchAll)
    }
}

/// Aliases, and how domains take what is not listed.
///
/// Addresses of a change are in hosted domains of one organisation unless said otherwise; who may change them is for the caller to
/// know. Each change writes its audit event with it.
package protocol AddressStore: Sendable {
    func aliases(_ listing: AliasListing) async throws(StoreError) -> [Alias]
    func alias(_ address: EmailAddress) async throws(StoreError) -> Alias?
    /// `.alreadyExists` when the address is taken in any way; `.refused` when it would lead to itself, or its domain is an alias.
    func addAlias(_ alias: Alias, audit: AuditEvent) async throws(StoreError)
    /// `.notFound` when it is no alias.
    func setTargets(of alias: Alias, audit: AuditEvent) async throws(StoreError)
    func removeAlias(_ address: EmailAddress, audit: AuditEvent) async throws(StoreError)

    /// nil for a domain that is not hosted.
    func routing(of domain: String) async throws(StoreError) -> DomainRouting?
    /// `.refused` when the target is no active account of the organisation (deliver), or cannot be reached (forward).
    func setCatchAll(_ catchAll: CatchAll?, of domain: String, audit: AuditEvent) async throws(StoreError)
    func setSeparator(
        _ separator: SubaddressSeparator,
        of domain: String,
        audit: AuditEvent
    ) async throws(StoreError)
    /// Makes the domain mean another of the same organisation, or itself again.
    ///
    /// `.refused` when it has addresses, has aliases itself, or the other one is an alias.
    func setDomainAlias(_ domain: String, of main: String?, audit: AuditEvent) async throws(StoreError)
    /// Names of the domains that mean it, ascending.
    func domainAliases(of domain: String) async throws(StoreError) -> [String]
    /// What divides details in each domain that the account has an address in.
    func separators(of account: AccountID) async throws(StoreError) -> [String: SubaddressSeparator]
}

extension EmailAddress {
    /// What it may be a detailed address of (RFC 5233 §1), the likeliest first.
    ///
    /// By the first `+`; by each `-` from the end, as names have them too.
    package func withoutDetail(_ separator: SubaddressSeparator, atMost limit: Int = 4) -> [EmailAddress] {
        let bytes = localPart.utf8
        let places: [String.UTF8View.Index] =
            switch separator {
            case .off: []
            case .plus: bytes.firstIndex(of: 43).map { [$0] } ?? []
            case .minus: Array(bytes.indices.reversed().filter { bytes[$0] == 45 }.prefix(limit))
            }
        return places.filter { $0 != bytes.startIndex }.map {
            EmailAddress(uncheckedLocalPart: String(localPart[..<$0]), domain: domain)
        }
    }
}
