/// An absolute `https` or `http` URL (RFC 3986 §3) that this platform asks: no user information, no fragment.
///
/// Strict, so that whoever reads it again sees the same host: visible ASCII, a plain host name or address, digits for a port.
package struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    /// Octets.
    package static let longest = 2_048

    package let text: String
    package let isSecure: Bool
    /// Lower case; an IPv6 address without its brackets.
    package let host: String
    package let port: Int
    /// With the leading slash if there is one, and the query.
    package let pathAndQuery: String

    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.longest, bytes.allSatisfy(Self.isAllowed) else { return nil }
        let schemes: [(name: String, isSecure: Bool)] = [("https://", true), ("http://", false)]
        guard let scheme = schemes.first(where: { bytes.starts(with: $0.name.utf8) }) else { return nil }
        let rest = bytes.dropFirst(scheme.name.utf8.count)
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        guard let place = Self.place(rest[..<end]) else { return nil }
        self.text = text
        isSecure = scheme.isSecure
        host = place.host
        port = place.port ?? (scheme.isSecure ? 443 : 80)
        pathAndQuery = String(decoding: rest[end...], as: UTF8.self)
    }

    package var description: String { text }

    /// nil when the host is a name.
    package var literal: IPAddress? { IPAddress(host) }

    /// Scheme, host and port.
    package var origin: String {
        let isStandard = port == (isSecure ? 443 : 80)
        return
            "\(isSecure ? "https" : "http")://\(host.utf8.contains(58) ? "[\(host)]" : host)\(isStandard ? "" : ":\(port)")"
    }

    /// Letters, digits and the punctuation of RFC 3986 §2, without what some readers treat as a delimiter and others do not.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~:/?[]@!$&'()*+,;=%".utf8.contains(byte)
        }
    }

    private static func place(_ bytes: ArraySlice<UInt8>) -> (host: String, port: Int?)? {
        var host = bytes
        var port: Int?
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = bytes[(bytes.startIndex + 1)..<end]
            guard IPAddress(String(decoding: host, as: UTF8.self))?.isIPv4 == false else { return nil }
            let rest = bytes[(end + 1)...]
            if !rest.isEmpty {
                guard rest.first == UInt8(ascii: ":"), let given = number(rest.dropFirst()) else { return nil }
                port = given
            }
        } else {
            if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
                guard let given = number(bytes[(colon + 1)...]) else { return nil }
                port = given
                host = bytes[..<colon]
            }
            guard EmailAddress.isDomain(host), isPlain(host) else { return nil }
        }
        return (EmailAddress.lowercased(String(decoding: host, as: UTF8.self)), port)
    }

    /// A name whose last label is no number, or four numbers: `127.1` and `0x7f000001` are addresses to some readers.
    private static func isPlain(_ host: ArraySlice<UInt8>) -> Bool {
        guard !host.contains(UInt8(ascii: "_")) else { return false }
        let last = host.split(separator: UInt8(ascii: ".")).last ?? []
        guard let first = last.first, (48...57).contains(first) else { return true }
        return IPAddress(String(decoding: host, as: UTF8.self)) != nil
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...5).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
            let value = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(value)
        else { return nil }
        return value
    }
}
