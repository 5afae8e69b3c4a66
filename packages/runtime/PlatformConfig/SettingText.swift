import MailModel

/// How the values of settings are read and written.
package enum SettingText {
    static func integer(_ bytes: some Collection<UInt8>) -> Int? {
        guard (1...18).contains(bytes.count), bytes.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self))
    }

    /// `90`, `90s`, `250ms`, `15m`, `4h`, `5d`; a bare number counts seconds.
    package static func duration(_ text: String) -> Duration? {
        let bytes = Array(text.utf8)
        let digits = bytes.prefix { (48...57).contains($0) }
        guard let value = integer(digits), value <= 1_000_000_000 else { return nil }
        return switch String(decoding: bytes[digits.count...], as: UTF8.self) {
        case "ms": .milliseconds(value)
        case "", "s": .seconds(value)
        case "m": .seconds(value * 60)
        case "h": .seconds(value * 3_600)
        case "d": .seconds(value * 86_400)
        default: nil
        }
    }

    package static func text(_ duration: Duration) -> String {
        let (seconds, rest) = duration.components
        guard rest == 0 else { return "\(seconds * 1_000 + rest / 1_000_000_000_000_000)ms" }
        for (unit, length) in [("d", Int64(86_400)), ("h", 3_600), ("m", 60)] where seconds > 0 && seconds % length == 0
        {
            return "\(seconds / length)\(unit)"
        }
        return "\(seconds)s"
    }

    /// Octets: `2048`, `64K`, `50M`, `2G` (powers of 1024; `KiB`, `MB` and so on are taken too).
    package static func size(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        let digits = bytes.prefix { (48...57).contains($0) }
        guard let value = integer(digits) else { return nil }
        let shift: Int
        switch EmailAddress.lowercased(String(decoding: bytes[digits.count...], as: UTF8.self)) {
        case "", "b": shift = 0
        case "k", "kb", "kib": shift = 10
        case "m", "mb", "mib": shift = 20
        case "g", "gb", "gib": shift = 30
        case "t", "tb", "tib": shift = 40
        default: return nil
        }
        let (product, overflow) = value.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : product
    }

    package static func text(size: Int) -> String {
        for (unit, shift) in [("G", 30), ("M", 20), ("K", 10)] where size > 0 && size % (1 << shift) == 0 {
            return "\(size >> shift)\(unit)"
        }
        return "\(size)"
    }

    package static func boolean(_ text: String) -> Bool? {
        switch EmailAddress.lowercased(text) {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    /// Parts between commas or blanks, without the empty ones.
    static func list(_ text: String) -> [String] {
        text.utf8.split { $0 == 44 || $0 == 32 || $0 == 9 }.map { String(decoding: $0, as: UTF8.self) }
    }

    static func each<Element>(of text: String, _ parse: (String) -> Element?) -> [Element]? {
        let parts = list(text)
        let values = parts.compactMap(parse)
        return values.count == parts.count ? values : nil
    }

    static func route(_ text: String) -> TransportRoute? {
        let parts = text.utf8.split(separator: 61, omittingEmptySubsequences: false)
        guard parts.count == 2, let target = HostPort(String(decoding: parts[1], as: UTF8.self), defaultPort: 25) else {
            return nil
        }
        let domain = EmailAddress.lowercased(String(decoding: parts[0], as: UTF8.self))
        guard domain == "*" || EmailAddress.isDomain(domain.utf8) else { return nil }
        return TransportRoute(domain: domain, target: target)
    }

    /// A value as error messages show it: printable ASCII and UTF-8, at most 200 octets.
    static func shown(_ text: String) -> String {
        let bytes = text.utf8.prefix(200).map { $0 < 32 || $0 == 127 ? UInt8(ascii: "?") : $0 }
        return String(decoding: bytes, as: UTF8.self) + (text.utf8.count > 200 ? "…" : "")
    }
}
