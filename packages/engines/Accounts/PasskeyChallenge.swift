import MailCrypto
import MailModel
import MailPorts

/// What a passkey is asked to sign: random, with its purpose, account and expiry inside, authenticated with a key of the
/// platform, so that any replica can finish what another began and nothing is written for challenges that nobody answers.
///
///     purpose 1 | account 8 | expires 8 (microseconds) | random 16 | HMAC-SHA-256 32
struct PasskeyChallenge {
    enum Purpose: UInt8 {
        case register = 1
        case signIn = 2
        case secondFactor = 3
        /// Shows that the owner of an open session is there.
        case confirm = 4
        /// Of an invitation or a registration: a passkey for an account that is not there yet, or has no way in.
        case accept = 5
    }

    private static let signed = 33
    let bytes: [UInt8]
    let purpose: Purpose
    /// `.system` where anybody may answer.
    let account: AccountID
    let expiresAt: Timestamp

    init(_ purpose: Purpose, account: AccountID, expiresAt: Timestamp, key: [UInt8]) {
        var bytes = [purpose.rawValue]
        for number in [account.rawValue, expiresAt.microseconds] {
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * Int64($0))) }
        }
        bytes += SecureRandom.bytes(16)
        self.bytes = bytes + HMACSHA256.authenticate(bytes, key: key)
        self.purpose = purpose
        self.account = account
        self.expiresAt = expiresAt
    }

    /// nil for what is not ours or has expired.
    init?(_ bytes: [UInt8], key: [UInt8], now: Timestamp) {
        guard bytes.count == Self.signed + 32,
            constantTimeEqual(
                HMACSHA256.authenticate(Array(bytes[..<Self.signed]), key: key),
                Array(bytes[Self.signed...])
            ),
            let purpose = Purpose(rawValue: bytes[0])
        else { return nil }
        func number(_ start: Int) -> Int64 { bytes[start..<(start + 8)].reduce(0) { $0 << 8 | Int64($1) } }
        self.bytes = bytes
        self.purpose = purpose
        account = AccountID(number(1))
        expiresAt = Timestamp(microseconds: number(9))
        guard expiresAt > now else { return nil }
    }

    var spent: SpentChallenge { SpentChallenge(hash: SHA256.hash(bytes), expiresAt: expiresAt) }
}
