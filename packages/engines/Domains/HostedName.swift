import MailModel

/// A domain name that may be hosted: a host name of letters, digits and hyphens (RFC 1123 §2.1), lower case.
struct HostedName: Hashable, Sendable {
    let text: String

    /// RFC 1035 §2.3.4 gives names 255 octets on the wire, 253 written; the longest name below a domain is that of a
    /// signing key: a selector of at most 20 octets, `._domainkey.` of 12.
    static let maximumLength = 253 - 32

    /// Why a name cannot be hosted, in words for whoever asked.
    enum Fault: String, Error {
        case empty = "a domain name is needed"
        case tooLong = "the domain name is too long"
        case notQualified = "a hosted domain has at least two labels, such as shop.test"
        case notASCII = "an internationalised domain is added in its ASCII form (xn--)"
        case malformed = "not a domain name"
    }

    init(_ written: String) throws(Fault) {
        let name = EmailAddress.lowercased(written)
        guard !name.isEmpty else { throw .empty }
        guard name.utf8.count <= Self.maximumLength else { throw .tooLong }
        guard name.utf8.allSatisfy({ $0 < 128 }) else { throw .notASCII }
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for label in labels {
            // RFC 1035 §2.3.1: "must be 63 characters or less", with no hyphen at either end.
            guard (1...63).contains(label.count), label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-"),
                label.allSatisfy({ Self.isLetterOrDigit($0) || $0 == UInt8(ascii: "-") })
            else { throw .malformed }
        }
        guard labels.count >= 2, let top = labels.last else { throw .notQualified }
        // RFC 1123 §2.1: "the highest-level component label will be alphabetic"; so no address is taken for a name.
        guard top.contains(where: { !(48...57).contains($0) }) else { throw .malformed }
        text = name
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...122).contains(byte) }
}
