import MailCrypto
package import MailModel
package import MailPorts

/// The salts that SCRAM shows before anybody has signed in.
///
/// All app passwords of an account share one, because a client does not say which it has; an address without an account
/// has one too, always the same, so that asking does not tell which accounts are there (RFC 5802 §9). Both come from a key
/// of the platform.
package struct SCRAMSalts: Sendable {
    private let key: [UInt8]

    /// Takes the key of the store, made on the first use.
    package static func load(_ sessions: any SessionStore) async throws(StoreError) -> SCRAMSalts {
        SCRAMSalts(key: try await sessions.platformSecret("scram-salt-key") { SecureRandom.bytes(32) })
    }

    package init(key: [UInt8]) { self.key = key }

    package func salt(of account: AccountID) -> [UInt8] { derive("account \(account)") }

    package func salt(ofUnknown user: String) -> [UInt8] { derive("user \(user)") }

    /// 16 octets.
    private func derive(_ name: String) -> [UInt8] {
        Array(HMACSHA256.authenticate(Array(name.utf8), key: key)[..<16])
    }
}
