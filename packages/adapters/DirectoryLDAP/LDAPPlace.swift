package import MailModel

/// Where a server of LDAP is: `ldaps://host[:port]` or `ldap://host[:port]` (RFC 4516 without the rest).
package struct LDAPPlace: Hashable, Sendable {
    package var host: String
    package var port: Int
    /// TLS from the first octet.
    package var isSecure: Bool

    package init?(_ text: String) {
        let schemes: [(name: String, web: String, isSecure: Bool, port: Int)] = [
            ("ldaps://", "https://", true, 636), ("ldap://", "http://", false, 389),
        ]
        guard let scheme = schemes.first(where: { text.utf8.starts(with: $0.name.utf8) }) else { return nil }
        let rest = String(decoding: text.utf8.dropFirst(scheme.name.utf8.count), as: UTF8.self)
        guard let web = WebAddress(scheme.web + rest), web.pathAndQuery.isEmpty || web.pathAndQuery == "/" else {
            return nil
        }
        host = web.host
        isSecure = scheme.isSecure
        // What WebAddress takes for the standard is that of the web, unless it is written.
        let digits = rest.utf8.last == UInt8(ascii: "/") ? rest.utf8.dropLast() : rest.utf8[...]
        let isWritten =
            digits.suffix(6).contains(UInt8(ascii: ":")) && digits.last != UInt8(ascii: "]") && Self.endsInPort(digits)
        port = isWritten ? web.port : scheme.port
    }

    private static func endsInPort(_ text: Substring.UTF8View) -> Bool {
        let port = text.reversed().prefix { $0 != UInt8(ascii: ":") }
        return (1...5).contains(port.count) && port.allSatisfy { (48...57).contains($0) }
    }

    /// nil when the host is a name.
    package var literal: IPAddress? { IPAddress(host) }

    /// As libldap takes it, to check the certificate by.
    var url: String {
        "\(isSecure ? "ldaps" : "ldap")://\(host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host):\(port)"
    }
}
