import MailCrypto

/// The codes of a device (RFC 8628 §3.2), of which the store keeps hashes.
package enum DeviceCode {
    /// §6.1: no vowels, so that no words come about, and no letters that are taken for each other.
    private static let alphabet = Array("BCDFGHJKLMNPQRSTVWXZ".utf8)
    private static let letters = 8

    /// Seconds that a person has.
    package static let lifetime: Int64 = 600
    /// Seconds between two questions of the device.
    package static let interval: Int64 = 5

    /// What the device keeps: 32 random octets.
    package static func random() -> String { Base64URL.encode(SecureRandom.bytes(32)) }

    /// What the person types: `BCDF-GHJK`, one of 20^8.
    package static func randomUserCode() -> String {
        var letters: [UInt8] = []
        while letters.count < Self.letters {
            // 240 is the largest multiple of 20 in an octet: each letter is as likely.
            for byte in SecureRandom.bytes(16) where byte < 240 && letters.count < Self.letters {
                letters.append(alphabet[Int(byte) % alphabet.count])
            }
        }
        return String(decoding: letters[..<4] + [45] + letters[4...], as: UTF8.self)
    }

    /// What a person typed, without regard to case, blanks and dashes; nil for what no code is.
    package static func normalised(_ text: String) -> String? {
        guard text.utf8.count <= 64 else { return nil }
        let typed = text.utf8.filter { $0 != 32 && $0 != 45 }.map { (97...122).contains($0) ? $0 - 32 : $0 }
        guard typed.count == letters, typed.allSatisfy(alphabet.contains) else { return nil }
        return String(decoding: typed[..<4] + [45] + typed[4...], as: UTF8.self)
    }

    package static func hash(device: String) -> [UInt8] { SHA256.hash(Array("oonrumail device\0\(device)".utf8)) }
    package static func hash(user: String) -> [UInt8] { SHA256.hash(Array("oonrumail user code\0\(user)".utf8)) }
}
