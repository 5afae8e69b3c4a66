/// A mailbox address, `local-part@domain` (RFC 5321 §4.1.2), as UTF-8 (RFC 6531).
///
/// The local part is kept as written (unquoted); the domain in lower case. Two addresses are equal when they
/// name the same mailbox here: local parts are compared without regard to ASCII case.
package struct EmailAddress: Sendable, CustomStringConvertible {
    /// Octets: local part, `@` and domain.
    package static let longest = 320
    /// Without quotes and backslashes of the quoted form.
    ///
    /// At most 64 octets (RFC 5321 §4.5.3.1.1).
    package let localPart: String
    /// Lower case, at most 255 octets (RFC 5321 §4.5.3.1.2); or an address literal with its brackets.
    package let domain: String

    /// Trusts its parts: for parsers and for rows read back.
    package init(uncheckedLocalPart localPart: String, domain: String) {
        self.localPart = localPart
        self.domain = Self.lowercased(domain)
    }

    /// Reads a plain `dot-atom@domain`; nil for anything else, control characters, spaces and too many octets included.
    ///
    /// For settings, commands and rows. The wire has its own parser, which takes quoted local parts too.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.longest else { return nil }
        let bytes = Array(text.utf8)
        guard let at = bytes.lastIndex(of: UInt8(ascii: "@")), at > 0, at <= 64, bytes.count - at - 1 <= 255 else {
            return nil
        }
        let local = bytes[..<at]
        let domain = bytes[(at + 1)...]
        guard local.allSatisfy(Self.isAtomText), local.first != 46, local.last != 46 else { return nil }
        guard !zip(local, local.dropFirst()).contains(where: { $0 == 46 && $1 == 46 }) else { return nil }
        guard Self.isDomain(domain) else { return nil }
        self.init(
            uncheckedLocalPart: String(decoding: local, as: UTF8.self),
            domain: String(decoding: domain, as: UTF8.self)
        )
    }

    /// What lookups use: the whole address with ASCII letters in lower case.
    package var canonical: String { "\(Self.lowercased(localPart))@\(domain)" }

    /// The address as headers and envelopes write it: the local part quoted where RFC 5321 §4.1.2 demands it.
    package var description: String { "\(quotedLocalPart)@\(domain)" }

    package var quotedLocalPart: String {
        let bytes = Array(localPart.utf8)
        let dots =
            bytes.isEmpty || bytes.first == 46 || bytes.last == 46
            || zip(bytes, bytes.dropFirst()).contains(where: { $0 == 46 && $1 == 46 })
        guard dots || !bytes.allSatisfy(Self.isAtomText) else { return localPart }
        var quoted: [UInt8] = [34]
        for byte in bytes {
            if byte == 34 || byte == 92 { quoted.append(92) }
            quoted.append(byte)
        }
        quoted.append(34)
        return String(decoding: quoted, as: UTF8.self)
    }

    /// Whether it needs SMTPUTF8 (RFC 6531) to travel.
    package var needsUTF8: Bool { localPart.utf8.contains { $0 >= 128 } || domain.utf8.contains { $0 >= 128 } }

    /// ASCII letters in lower case; every other byte as it is.
    package static func lowercased(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 >= 65 && $0 <= 90 }) else { return text }
        return String(decoding: text.utf8.map { $0 >= 65 && $0 <= 90 ? $0 | 32 : $0 }, as: UTF8.self)
    }

    /// Labels of letters, digits, hyphens, underscores and UTF-8, 1 to 63 octets each.
    package static func isDomain(_ bytes: some Collection<UInt8>) -> Bool {
        guard !bytes.isEmpty, bytes.count <= 255 else { return false }
        return bytes.split(separator: 46, omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && label.count <= 63 && label.first != 45
                && label.allSatisfy { byte in
                    byte >= 128 || byte == 45 || byte == 95 || (48...57).contains(byte) || (65...90).contains(byte)
                        || (97...122).contains(byte)
                }
        }
    }

    /// `atext` of RFC 5321 with `.` and UTF-8.
    private static func isAtomText(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 128...255: true
        case 33, 35, 36, 37, 38, 39, 42, 43, 45, 46, 47, 61, 63, 94, 95, 96, 123, 124, 125, 126: true
        default: false
        }
    }
}

extension EmailAddress: Hashable {
    /// By octets, as stores do: two spellings of one letter are two addresses.
    package static func == (left: EmailAddress, right: EmailAddress) -> Bool {
        left.canonical.utf8.elementsEqual(right.canonical.utf8)
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(canonical) }
}

/// RFC 5321 §4.1.1.2: where failures are reported; `<>` for mail that must never be answered.
package enum ReversePath: Hashable, Sendable, CustomStringConvertible {
    case null
    case address(EmailAddress)

    /// Without angle brackets; empty for the null path.
    package var description: String {
        switch self {
        case .null: ""
        case .address(let address): address.description
        }
    }
}
