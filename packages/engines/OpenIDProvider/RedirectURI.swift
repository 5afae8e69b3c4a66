/// Where answers go (RFC 6749 §3.1.2): registered whole, compared octet by octet.
package enum RedirectURI {
    /// Octets of one.
    package static let longest = 512
    /// Of one client.
    package static let perClient = 20
    private static let loopback = ["127.0.0.1", "[::1]", "localhost"]

    private struct Parts {
        var scheme: String
        var host: String
        var port: String?
        /// Path and query.
        var rest: String
    }

    /// Why it cannot be registered; nil: it can.
    ///
    /// `https` for all; `http` for loopback addresses, and schemes with a dot (RFC 8252 §7.1) for programs on a device.
    package static func fault(_ text: String, isPublic: Bool) -> String? {
        let bytes = Array(text.utf8)
        guard (1...longest).contains(bytes.count), bytes.allSatisfy(isPlain) else {
            return "a redirect address has 1 to \(longest) octets and none that an address must not have"
        }
        guard !bytes.contains(35) else { return "a redirect address has no fragment" }
        guard let parts = parts(text) else {
            guard isPublic, let colon = bytes.firstIndex(of: 58), isPrivateScheme(bytes[..<colon]) else {
                return "a redirect address begins with https://"
            }
            return nil
        }
        guard !parts.host.utf8.contains(64), !parts.host.isEmpty else { return "a redirect address names a host" }
        switch parts.scheme {
        case "https": return nil
        case "http":
            return loopback.contains(parts.host) ? nil : "http:// is for loopback addresses; others begin with https://"
        default:
            return isPublic && isPrivateScheme(Array(parts.scheme.utf8)[...])
                ? nil : "a redirect address begins with https://"
        }
    }

    /// RFC 3986 §2: no blanks, quotation marks, angle brackets, backslashes or what is not ASCII; and no `;`, `'` or `,`, which
    /// mean something in headers.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (33...126).contains(byte) && ![34, 39, 44, 59, 60, 62, 92, 94, 96, 123, 124, 125].contains(byte)
    }

    private static func isPrivateScheme(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.contains(46) && bytes.first.map { (97...122).contains($0) } ?? false
            && bytes.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || [43, 45, 46].contains($0) }
    }

    /// Whether what a request names is a registered one; of a loopback address the port is the program's choice
    /// (RFC 8252 §7.3).
    package static func matches(_ given: String, registered: String) -> Bool {
        if given.utf8.elementsEqual(registered.utf8) { return true }
        guard let asked = parts(given), let known = parts(registered), known.scheme == "http",
            loopback.contains(known.host), asked.port.map(isPort) ?? true
        else { return false }
        return asked.scheme == "http" && asked.host.utf8.elementsEqual(known.host.utf8)
            && asked.rest.utf8.elementsEqual(known.rest.utf8)
    }

    private static func isPort(_ text: String) -> Bool {
        (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) }
    }

    /// Scheme, host and port, for a policy of what a page's forms may lead to; the scheme alone for private ones.
    package static func source(_ text: String) -> String {
        guard let parts = parts(text), parts.scheme == "https" || parts.scheme == "http" else {
            return String(decoding: text.utf8.prefix { $0 != 58 }, as: UTF8.self) + ":"
        }
        return "\(parts.scheme)://\(parts.host)\(parts.port.map { ":\($0)" } ?? "")"
    }

    private static func parts(_ text: String) -> Parts? {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: 58), bytes[colon...].starts(with: "://".utf8) else { return nil }
        let after = bytes[(colon + 3)...]
        let authority = after.prefix { $0 != 47 && $0 != 63 }
        var host = authority
        var port: ArraySlice<UInt8>?
        if let last = authority.lastIndex(of: 58), last > (authority.lastIndex(of: 93) ?? -1) {
            host = authority[..<last]
            port = authority[(last + 1)...]
        }
        return Parts(
            scheme: String(decoding: bytes[..<colon], as: UTF8.self),
            host: String(decoding: host, as: UTF8.self),
            port: port.map { String(decoding: $0, as: UTF8.self) },
            rest: String(decoding: after.dropFirst(authority.count), as: UTF8.self)
        )
    }
}
