/// What `config list`, `.env.example` and error messages say of a setting, whatever its type.
package protocol AnySetting: Sendable {
    /// The environment variable.
    var name: String { get }
    /// The values it takes, such as `a port, 0 to 65535`.
    var allowed: String { get }
    var meaning: String { get }
    var group: SettingGroup { get }
    /// Never shown: listed as `***`.
    var isSecret: Bool { get }
    /// As text; empty when there is none.
    func defaultText(production: Bool) -> String
    func parseAny(_ text: String) -> (any Sendable)?
    func defaultValue(production: Bool) -> any Sendable
    func formatAny(_ value: any Sendable) -> String
}

/// One setting: its name, what it means, what it takes, and what it is when nobody sets it.
package struct Setting<Value: Sendable>: AnySetting {
    package let name: String
    package let allowed: String
    package let meaning: String
    package let group: SettingGroup
    package let isSecret: Bool
    let standard: Value
    let production: Value
    let parse: @Sendable (String) -> Value?
    let format: @Sendable (Value) -> String

    package init(
        _ name: String,
        _ group: SettingGroup,
        standard: Value,
        production: Value? = nil,
        isSecret: Bool = false,
        allowed: String,
        meaning: String,
        parse: @escaping @Sendable (String) -> Value?,
        format: @escaping @Sendable (Value) -> String
    ) {
        self.name = name
        self.group = group
        self.standard = standard
        self.production = production ?? standard
        self.isSecret = isSecret
        self.allowed = allowed
        self.meaning = meaning
        self.parse = parse
        self.format = format
    }

    package func defaultText(production: Bool) -> String { format(production ? self.production : standard) }
    package func parseAny(_ text: String) -> (any Sendable)? { parse(text) }
    package func defaultValue(production: Bool) -> any Sendable { production ? self.production : standard }
    package func formatAny(_ value: any Sendable) -> String { (value as? Value).map(format) ?? "" }
}

package enum SettingGroup: String, CaseIterable, Sendable {
    case general, listeners, tls, limits, smtp, queue, imap, http, accounts, store, dns, logging, database, cluster
}

/// A password or key that came from the settings.
///
/// Its description is redacted.
package struct SecretSetting: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    package let text: String
    package init(_ text: String) { self.text = text }
    package var description: String { "***" }
    package var debugDescription: String { "***" }
}

/// A host name or address with a port.
package struct HostPort: Hashable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int
    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// `host:port` or `[IPv6]:port`; the port may be left out when a default is given.
    package init?(_ text: String, defaultPort: Int? = nil) {
        let bytes = Array(text.utf8)
        var host = bytes[...]
        var port = defaultPort
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = bytes[1..<end]
            let rest = bytes[(end + 1)...]
            if !rest.isEmpty {
                guard rest.first == UInt8(ascii: ":"), let given = SettingText.integer(rest.dropFirst()) else {
                    return nil
                }
                port = given
            }
        } else if let colon = bytes.lastIndex(of: UInt8(ascii: ":")) {
            guard let given = SettingText.integer(bytes[(colon + 1)...]) else { return nil }
            host = bytes[..<colon]
            port = given
        }
        guard let port, (1...65_535).contains(port), !host.isEmpty, host.count <= 255 else { return nil }
        guard host.allSatisfy({ $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ",") }) else {
            return nil
        }
        self.init(host: String(decoding: host, as: UTF8.self), port: port)
    }

    package var description: String { host.utf8.contains(58) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Where mail for a domain goes instead of its MX.
///
/// `*` stands for every domain.
package struct TransportRoute: Hashable, Sendable, CustomStringConvertible {
    package let domain: String
    package let target: HostPort
    package init(domain: String, target: HostPort) { (self.domain, self.target) = (domain, target) }
    package var description: String { "\(domain)=\(target)" }
}
