package import MailModel
package import MailPorts

/// How somebody writes with one address: what a program needs to begin a message (RFC 8621 §6).
package struct Identity: Sendable {
    /// Where a signature is from.
    package enum Level: String, CaseIterable, Sendable { case address, owner, domain, person, none }

    package var address: SendingAddress
    package var name: String
    package var replyTo: [EmailAddress]
    package var bcc: [EmailAddress]
    package var signature: (text: String, html: String)
    package var level: Level
    /// What was said of the address itself.
    package var settings: IdentitySettings?
    package var isPrimary: Bool
    package var isDefault: Bool
}

/// Every address that somebody may send with now, and how they write with each.
///
/// Invariant: it holds what submission lets the account send with, and nothing else.
package struct IdentityBook: Sendable {
    private let account: Account
    private let record: IdentityRecord
    private let byAddress: [EmailAddress: SendingAddress]
    private let sendingDomains: Set<String>
    /// Of which something is said, though the account does not send with them any more.
    let stale: [EmailAddress]
    package let defaultAddress: EmailAddress?
    /// What was said of all mail.
    package var composing: ComposingSettings { record.composing }

    init(_ account: Account, _ record: IdentityRecord) {
        self.account = account
        self.record = record
        sendingDomains = Set(record.addresses.filter { $0.kind == .domain }.map(\.address.domain))
        // What is one's own is no less so by a grant.
        var known = Dictionary(
            record.addresses.map { ($0.address, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        var stale: [EmailAddress] = []
        for address in record.settings.keys where known[address] == nil {
            if sendingDomains.contains(address.domain) {
                known[address] = SendingAddress(address, .domain)
            } else {
                stale.append(address)
            }
        }
        self.stale = stale
        byAddress = known
        let wished = record.composing.defaultAddress.flatMap { known[$0] }
        let primary = known[account.primaryAddress]
        defaultAddress =
            (wished ?? primary ?? known.values.filter { $0.kind == .own }.min(by: Self.precedes))?.address
    }

    private static func precedes(_ one: SendingAddress, _ other: SendingAddress) -> Bool {
        one.address.canonical.utf8.lexicographicallyPrecedes(other.address.canonical.utf8)
    }

    /// By address.
    package var identities: [Identity] { byAddress.values.sorted(by: Self.precedes).map(identity) }

    /// Whether one address, and not a whole domain, is meant.
    package static func isOne(_ address: EmailAddress) -> Bool { !address.localPart.utf8.elementsEqual("*".utf8) }

    /// Whether it is one of `identities`.
    package func lists(_ address: EmailAddress) -> Bool { byAddress[address] != nil }

    /// nil when the account may not send with it.
    ///
    /// An address with a detail is written with as its base, and any address of a domain that one may send for as that domain.
    package func identity(for address: EmailAddress) -> Identity? {
        if let known = byAddress[address] { return identity(known) }
        let separator = record.separators[address.domain] ?? .plus
        let base = address.withoutDetail(separator).lazy.compactMap { byAddress[$0] }.first {
            $0.kind != .domain && $0.kind != .granted
        }
        guard let base else {
            guard sendingDomains.contains(address.domain), Self.isOne(address) else { return nil }
            return identity(SendingAddress(address, .domain))
        }
        var identity = identity(base)
        identity.address.address = address
        return identity
    }

    private func identity(_ known: SendingAddress) -> Identity {
        let all = EmailAddress(uncheckedLocalPart: "*", domain: known.address.domain)
        let settings = record.settings[known.address]
        let said = settings ?? (known.kind == .domain ? record.settings[all] : nil)
        let lent = known.kind == .granted ? record.lent[known.address] : nil
        let name = said?.name ?? lent?.name ?? known.owner?.displayName ?? standardName(known.kind)
        let replyTo = said?.replyTo ?? []
        let (signature, level) = signature(known, said, lent, name)
        return Identity(
            address: known,
            name: name,
            replyTo: replyTo.isEmpty ? lent?.replyTo ?? [] : replyTo,
            bcc: said?.bcc ?? [],
            signature: SignatureRules.whole(signature),
            level: level,
            settings: settings,
            isPrimary: known.address == account.primaryAddress,
            isDefault: known.address == defaultAddress
        )
    }

    /// A masked address does not say whose it is.
    private func standardName(_ kind: SendingAddress.Kind) -> String { kind == .masked ? "" : account.displayName }

    private func signature(
        _ known: SendingAddress,
        _ said: IdentitySettings?,
        _ lent: IdentitySettings?,
        _ name: String
    ) -> (MailSignature, Identity.Level) {
        if let own = said?.signature { return (own, .address) }
        guard known.kind != .masked else { return (MailSignature(), .none) }
        if let owners = lent?.signature { return (owners, .owner) }
        if let domain = record.domains[known.address.domain] {
            return (SignatureRules.filled(domain, name: name, email: known.address.description), .domain)
        }
        if let own = record.composing.signature { return (own, .person) }
        return (MailSignature(), .none)
    }

    // MARK: - Answering

    /// Why an address is proposed.
    package enum Reason: String, CaseIterable, Sendable {
        /// The message was written to it.
        case address
        /// The message was written to another of its domain.
        case domain
        case standard = "default"
    }

    /// What to write with in answer to a message that was written to these; nil when the account sends with nothing.
    package func proposal(writtenTo addresses: [EmailAddress]) -> (identity: Identity, reason: Reason)? {
        // One's own before what others lend: who answers means themselves.
        let found = addresses.compactMap { identity(for: $0) }
        let own = found.first { $0.address.kind != .granted && $0.address.kind != .domain }
        if let named = own ?? found.first(where: { !$0.address.isOnBehalf }) { return (named, .address) }
        let usable = identities.filter {
            $0.address.kind != .domain && !$0.address.isOnBehalf && $0.address.kind != .masked
        }
        for domain in addresses.map(\.domain) {
            let there = usable.filter { $0.address.address.domain.utf8.elementsEqual(domain.utf8) }
            if let best = there.first(where: \.isDefault) ?? there.first(where: \.isPrimary)
                ?? there.first(where: { $0.address.kind == .own }) ?? there.first
            {
                return (best, .domain)
            }
        }
        return defaultAddress.flatMap { identity(for: $0) }.map { ($0, .standard) }
    }
}
