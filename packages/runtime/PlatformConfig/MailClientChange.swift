/// A mail program that an operator lets register itself, or does not.
package enum MailClientChange: Hashable, Sendable, CustomStringConvertible {
    case add(name: String, address: String)
    case remove(name: String)

    package static let setting = "OONRUMAIL_MAIL_CLIENTS"
    /// Octets of a name.
    static let longestName = 48
    /// Octets of an address.
    static let longestAddress = 150

    /// `NAME=ADDRESS` or `-NAME`; nil for an address whose scheme could be everybody's.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "-") {
            guard let name = Self.name(bytes.dropFirst()) else { return nil }
            self = .remove(name: name)
            return
        }
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), let name = Self.name(bytes[..<equals]),
            Self.isAddress(bytes[(equals + 1)...])
        else { return nil }
        self = .add(name: name, address: String(decoding: bytes[(equals + 1)...], as: UTF8.self))
    }

    private static func name(_ bytes: ArraySlice<UInt8>) -> String? {
        guard (1...longestName).contains(bytes.count), bytes.allSatisfy({ (32...126).contains($0) }), bytes.first != 32,
            bytes.last != 32
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// RFC 8252 §7.1: a scheme that is the name of a domain of the maker's, backwards; and RFC 3986 §3.3 without what begins a query.
    private static func isAddress(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count <= longestAddress, let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let (scheme, rest) = (bytes[..<colon], bytes[(colon + 1)...])
        let labels = scheme.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.count >= 2, labels.allSatisfy({ !$0.isEmpty }),
            scheme.first.map({ (97...122).contains($0) }) == true,
            scheme.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46 })
        else { return false }
        return rest.first == UInt8(ascii: "/")
            && rest.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "~"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }

    package var description: String {
        switch self {
        case .add(let name, let address): "\(name)=\(address)"
        case .remove(let name): "-\(name)"
        }
    }
}

extension Setting where Value == [MailClientChange] {
    /// Names have blanks in them: between commas, with blanks around those.
    private static func changes(_ text: String) -> [MailClientChange]? {
        let parts = text.utf8.split(separator: UInt8(ascii: ",")).map { part in
            String(decoding: part.drop { $0 == 32 }.reversed().drop { $0 == 32 }.reversed(), as: UTF8.self)
        }
        let changes = parts.compactMap { MailClientChange($0) }
        return changes.count == parts.count ? changes : nil
    }

    static func mailClients(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: [],
            allowed:
                "NAME=ADDRESS and -NAME between commas, or none; an address such as org.example.mail:/oauth2redirect",
            meaning: meaning,
            parse: { text in text == "none" ? [] : changes(text) },
            format: { $0.isEmpty ? "none" : $0.map(\.description).joined(separator: ",") }
        )
    }
}
