import CSodium

/// Why a cryptographic step could not be done.
package enum CryptoError: Error, Equatable, Sendable {
    /// A key, certificate or sealed value that does not read.
    case malformed
    /// The library refused (out of memory, unsupported).
    case failed
}

/// Argon2id (RFC 9106) with libsodium's string form: cost and salt are in the string.
///
/// Takes tens of milliseconds and `memory` octets: never on an event loop, bounded in parallel by the caller.
package struct PasswordHasher: Sendable {
    /// Octets of memory; default 19 MiB, the least that common guidance allows with two passes.
    package let memory: Int
    package let passes: Int
    /// Octets; longer passwords are refused before they cost anything.
    package static let maximumPasswordLength = 1_024

    package init(memory: Int = 19 << 20, passes: Int = 2) {
        self.memory = memory
        self.passes = passes
    }

    package func hash(_ password: [UInt8]) throws(CryptoError) -> String {
        Sodium.require()
        guard password.count <= Self.maximumPasswordLength else { throw .malformed }
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let done = crypto_pwhash_str(
            &text,
            password.map(CChar.init(bitPattern:)),
            UInt64(password.count),
            UInt64(passes),
            memory
        )
        guard done == 0 else { throw .failed }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Compares in constant time; false for a string that is no Argon2id.
    package func verify(_ password: [UInt8], against hash: String) -> Bool {
        Sodium.require()
        guard password.count <= Self.maximumPasswordLength, hash.utf8.count < Int(crypto_pwhash_STRBYTES) else {
            return false
        }
        return crypto_pwhash_str_verify(hash, password.map(CChar.init(bitPattern:)), UInt64(password.count)) == 0
    }

    /// Whether the hash was made with other costs than these.
    package func needsRehash(_ hash: String) -> Bool {
        Sodium.require()
        return crypto_pwhash_str_needs_rehash(hash, UInt64(passes), memory) != 0
    }
}
