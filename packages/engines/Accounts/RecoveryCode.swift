import MailCrypto
import MailModel

/// One of ten codes for when the authenticator is lost: four groups of four letters and digits, 80 bits.
///
/// Random and long, so that one SHA-256, salted by the account, is enough; see `AppSecret`.
struct RecoveryCode {
    /// Without `l`, `o`, `0` and `1`.
    private static let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
    private static let length = 16
    private static let group = 4
    let text: String

    static func random() -> RecoveryCode {
        RecoveryCode(letters: SecureRandom.bytes(length).map { alphabet[Int($0 & 31)] })
    }

    /// Spaces and hyphens anywhere, any case; nil for what is none.
    init?(_ typed: String) {
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

    /// 32 octets.
    func hash(for account: AccountID) -> [UInt8] {
        SHA256.hash(Array("oonrumail recovery code\0\(account)\0\(text)".utf8))
    }
}
