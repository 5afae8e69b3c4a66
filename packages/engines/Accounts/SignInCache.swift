import MailCrypto
import MailModel
import Synchronization

/// Remembers for a minute that a password was right, so that a client with many connections costs one Argon2id.
///
/// Holds no password: the key is an HMAC under a key that lives and dies with the process. An entry counts only together with the
/// password hash of the directory at that moment, so a changed password or a suspended account ends it at once, in every process.
package final class SignInCache: Sendable {
    struct Entry {
        var passwordHash: String
        var expiresAt: Timestamp
        var account: AccountID?
    }

    private let key = SecureRandom.bytes(32)
    private let lifetime: Int64
    private let capacity: Int
    private let entries = Mutex<[[UInt8]: Entry]>([:])

    package init(lifetimeSeconds: Int64 = 60, capacity: Int = 10_000) {
        lifetime = lifetimeSeconds
        self.capacity = capacity
    }

    func contains(_ address: EmailAddress, _ password: String, passwordHash: String, now: Timestamp) -> Bool {
        let name = name(address, password)
        return entries.withLock { entries in
            guard let entry = entries[name] else { return false }
            guard entry.expiresAt > now, entry.passwordHash == passwordHash else {
                entries[name] = nil
                return false
            }
            return true
        }
    }

    /// - Parameter account: whose endings forget it, where no hash that changes does.
    func insert(
        _ address: EmailAddress,
        _ password: String,
        passwordHash: String,
        account: AccountID? = nil,
        now: Timestamp
    ) {
        let name = name(address, password)
        let entry = Entry(
            passwordHash: passwordHash,
            expiresAt: now.adding(seconds: lifetime),
            account: account
        )
        entries.withLock { entries in
            if entries.count >= capacity { entries = entries.filter { $0.value.expiresAt > now } }
            if entries.count >= capacity { entries.removeAll(keepingCapacity: true) }
            entries[name] = entry
        }
    }

    func forget(_ account: AccountID) {
        entries.withLock { entries in entries = entries.filter { $0.value.account != account } }
    }

    private func name(_ address: EmailAddress, _ password: String) -> [UInt8] {
        HMACSHA256.authenticate(Array(address.canonical.utf8) + [0] + Array(password.utf8), key: key)
    }
}
