import MailCrypto
package import MailModel
package import MailPorts

/// The secret of an app password: 24 letters and digits that do not look alike, shown in four groups of six.
///
/// It is drawn at random and holds 120 bits, so nobody finds it by trying, however fast the hash: one SHA-256, salted by
/// the account, keeps a stolen store from signing in and costs a mail client's login a microsecond instead of the tens of
/// milliseconds and megabytes of Argon2id, which exists to slow the guessing of what people choose. GitHub, GitLab and
/// others keep their tokens so.
package struct AppSecret: Sendable, CustomStringConvertible, CustomReflectable {
    /// Without `l`, `o`, `0` and `1`.
    private static let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
    private static let length = 24
    private static let group = 6
    /// RFC 7677 §4: at least 4,096; more buys nothing for a secret of 120 bits.
    package static let scramIterations = 4_096

    /// In groups, as it is shown and as SCRAM takes it.
    package let text: String

    package static func random() -> AppSecret {
        // 32 letters: five bits of each octet, without bias.
        AppSecret(letters: SecureRandom.bytes(length).map { alphabet[Int($0 & 31)] })
    }

    /// Reads what a person typed: spaces and hyphens anywhere, any case; nil for what cannot be an app password.
    package init?(_ typed: String) {
        guard typed.utf8.count <= 64 else { return nil }
        let letters = typed.utf8.filter { $0 != 32 && $0 != 45 }.map { (65...90).contains($0) ? $0 | 32 : $0 }
        guard letters.count == Self.length, letters.allSatisfy(Self.alphabet.contains) else { return nil }
        self.init(letters: letters)
    }

    private init(letters: [UInt8]) {
        text = stride(from: 0, to: Self.length, by: Self.group).map {
            String(decoding: letters[$0..<($0 + Self.group)], as: UTF8.self)
        }.joined(separator: "-")
    }

    /// What the store finds it by: 32 octets, other ones for each account.
    package func hash(for account: AccountID) -> [UInt8] {
        SHA256.hash(Array("oonrumail app password\0\(account)\0\(text)".utf8))
    }

    /// RFC 5802 §3.
    package func scramKeys(salt: [UInt8]) -> SCRAMKeys {
        let salted = PBKDF2SHA256.derive(Array(text.utf8), salt: salt, iterations: Self.scramIterations)
        let client = HMACSHA256.authenticate(Array("Client Key".utf8), key: salted)
        let server = HMACSHA256.authenticate(Array("Server Key".utf8), key: salted)
        return SCRAMKeys(stored: SHA256.hash(client), server: server)
    }

    package var description: String { "[redacted]" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
