import ByteParsing
package import MailModel

/// Names domains or addresses: `shop.test` a domain, `*.shop.test` all below it, `*` every one, `ann@shop.test` an address.
///
/// Compared octet by octet in lower case.
package struct AddressPattern: Hashable, Sendable {
    private enum Kind: Hashable {
        case every
        case domain([UInt8])
        case below([UInt8])
        case address(EmailAddress)
    }
    private let kind: Kind

    /// nil for what is none of these.
    package init?(_ text: String) {
        let bytes = Array(EmailAddress.lowercased(text).utf8)
        if bytes == [ASCII.star] {
            kind = .every
        } else if bytes.starts(with: [ASCII.star, ASCII.dot]) {
            guard EmailAddress.isDomain(bytes.dropFirst(2)) else { return nil }
            kind = .below(Array(bytes.dropFirst()))
        } else if bytes.contains(ASCII.at) {
            guard let address = EmailAddress(text) else { return nil }
            kind = .address(address)
        } else {
            guard EmailAddress.isDomain(bytes) else { return nil }
            kind = .domain(bytes)
        }
    }

    package func matches(_ address: EmailAddress) -> Bool {
        if case .address(let one) = kind { return one == address || one == address.base }
        return matches(domain: address.domain)
    }

    /// Addresses name no domain.
    package func matches(domain: String) -> Bool {
        let domain = Array(domain.utf8)
        return switch kind {
        case .every: true
        case .domain(let name): domain == name
        case .below(let end): domain.count > end.count && domain.suffix(end.count).elementsEqual(end)
        case .address: false
        }
    }

    var isAddress: Bool {
        if case .address = kind { true } else { false }
    }
}

extension EmailAddress {
    /// Without `+detail` (RFC 5233 §1), by which nobody gets around a rule.
    fileprivate var base: EmailAddress {
        let local = Array(localPart.utf8)
        guard let plus = local.firstIndex(of: ASCII.plus), plus > 0 else { return self }
        return EmailAddress(uncheckedLocalPart: String(decoding: local[..<plus], as: UTF8.self), domain: domain)
    }
}

extension [String]? {
    /// Whether one of the patterns names the address.
    func matches(_ address: EmailAddress) -> Bool {
        (self ?? []).contains { AddressPattern($0)?.matches(address) ?? false }
    }

    func matches(domain: String) -> Bool {
        (self ?? []).contains { AddressPattern($0)?.matches(domain: domain) ?? false }
    }
}
