package import MailModel

/// Values of directories as the platform takes them.
package enum DirectoryText {
    /// At most 200 octets of whole characters, without control characters.
    package static func name(_ text: String?) -> String {
        var name = String.UnicodeScalarView()
        var octets = 0
        for scalar in (text ?? "").unicodeScalars where scalar.value >= 32 && !(127...159).contains(scalar.value) {
            octets += UTF8.width(scalar)
            guard octets <= 200 else { break }
            name.append(scalar)
        }
        return String(name)
    }

    /// The first of what RFC 2798 §2.7 takes from HTTP (`de, en;q=0.5`).
    package static func language(_ text: String?) -> LanguageTag? {
        guard let text, let first = text.utf8.split(separator: 44).first else { return nil }
        let tag = first.prefix { $0 != 59 }.filter { $0 != 32 }
        return LanguageTag(String(decoding: tag, as: UTF8.self))
    }

    /// Octets of an identifier; longer ones are none.
    package static let longestIdentity = 256

    /// Visible ASCII as it is, else hexadecimal digits, as those of Active Directory are octets.
    ///
    /// The same octets are always the same text.
    package static func identity(_ octets: [UInt8]) -> String? {
        guard (1...longestIdentity).contains(octets.count) else { return nil }
        if octets.allSatisfy({ (33...126).contains($0) }) { return String(decoding: octets, as: UTF8.self) }
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Octets in digits.
    package static func quota(_ text: String?) -> Int64? {
        guard let text, let number = Int64(text), number >= 0 else { return nil }
        return number
    }

    /// A flag that is set; of `userAccountControl` the bit ACCOUNTDISABLE.
    package static func isDisabled(_ attribute: String, _ values: [String]) -> Bool {
        if EmailAddress.lowercased(attribute) == "useraccountcontrol" {
            return values.contains { (Int64($0) ?? 0) & 2 != 0 }
        }
        return values.contains { ["true", "yes", "1", "t"].contains(EmailAddress.lowercased($0)) }
    }
}
