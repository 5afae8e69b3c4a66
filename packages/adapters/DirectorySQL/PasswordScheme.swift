import ByteParsing
import CCrypt
import MailCrypto

/// Hashes of passwords as databases of other systems have them.
package enum PasswordScheme: Equatable, Sendable {
    /// Argon2id in its usual text.
    case argon2id
    /// bcrypt and SHA512-crypt, by `crypt(3)`.
    case crypt
    /// SHA-1 over password and salt in Base64, as OpenLDAP has it.
    case saltedSHA1

    /// What came of a comparison.
    package enum Verdict: Equatable, Sendable {
        case right, wrong
        /// A scheme that is not known, named; or a hash that does not read.
        case unknown(String)
    }

    /// Octets of a hash.
    private static let longest = 512
    /// Costs above these are not paid: octets of memory in KiB and passes of Argon2id, the exponent of bcrypt, rounds of SHA512-crypt.
    static let mostMemory = 1 << 20
    static let mostPasses = 64
    static let mostExponent = 16
    static let mostRounds = 2_000_000

    /// Compares a password with a hash that names its scheme: `{SCHEME}…`, or by its own beginning (`$2y$`, `$6$`, `$argon2id$`).
    ///
    /// Takes as long as the hash asks for: never on an event loop.
    package static func verify(_ password: String, against text: String) -> Verdict {
        guard !text.utf8.isEmpty, text.utf8.count <= longest, !text.utf8.contains(0) else {
            return .unknown("no hash")
        }
        guard !password.utf8.contains(0) else { return .wrong }
        let (name, hash) = parts(text)
        guard let scheme = scheme(name, hash) else { return .unknown(name ?? "without a scheme") }
        let isRight: Bool?
        switch scheme {
        case .argon2id:
            isRight = isCheap(argon2: hash) ? PasswordHasher().verify(Array(password.utf8), against: hash) : nil
        case .crypt: isRight = isCheap(crypt: hash) ? crypt(password, hash) : nil
        case .saltedSHA1: isRight = saltedSHA1(password, hash)
        }
        return isRight.map { $0 ? .right : .wrong } ?? .unknown("\(name ?? "hash"), malformed or too costly")
    }

    /// `{NAME}` in capitals, and what comes behind.
    private static func parts(_ text: String) -> (name: String?, hash: String) {
        guard text.utf8.first == UInt8(ascii: "{"), let end = text.utf8.firstIndex(of: UInt8(ascii: "}")) else {
            return (nil, text)
        }
        let name = text.utf8[..<end].dropFirst().prefix(32).map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                byte
            default: UInt8(ascii: "?")
            }
        }
        return (String(decoding: name, as: UTF8.self), String(decoding: text.utf8[end...].dropFirst(), as: UTF8.self))
    }

    private static func scheme(_ name: String?, _ hash: String) -> PasswordScheme? {
        func begins(_ text: String) -> Bool { hash.utf8.starts(with: text.utf8) }
        let isBcrypt = begins("$2y$") || begins("$2b$") || begins("$2a$")
        switch name {
        case "ARGON2ID", "ARGON2": return begins("$argon2id$") ? .argon2id : nil
        case "BLF-CRYPT", "BCRYPT": return isBcrypt ? .crypt : nil
        case "SHA512-CRYPT": return begins("$6$") ? .crypt : nil
        case "CRYPT": return isBcrypt || begins("$6$") ? .crypt : nil
        case "SSHA": return .saltedSHA1
        case nil: return begins("$argon2id$") ? .argon2id : isBcrypt || begins("$6$") ? .crypt : nil
        case .some: return nil
        }
    }

    // MARK: - Schemes

    private static func crypt(_ password: String, _ hash: String) -> Bool? {
        let room = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        room.initialize(to: crypt_data())
        defer {
            room.deinitialize(count: 1)
            room.deallocate()
        }
        guard let made = crypt_r(password, hash, room) else { return nil }
        let text = String(cString: made)
        // crypt(5): what begins with * is a failure, and never a hash.
        guard text.utf8.first != UInt8(ascii: "*") else { return nil }
        return constantTimeEqual(Array(text.utf8), Array(hash.utf8))
    }

    private static func saltedSHA1(_ password: String, _ hash: String) -> Bool? {
        guard let bytes = Base64.decode(hash.utf8), bytes.count > 20 else { return nil }
        return constantTimeEqual(SHA1.hash(Array(password.utf8) + bytes[20...]), Array(bytes[..<20]))
    }

    // MARK: - Costs

    /// `$argon2id$v=19$m=65536,t=3,p=1$…`.
    private static func isCheap(argon2 hash: String) -> Bool {
        let parts = hash.utf8.split(separator: UInt8(ascii: "$"))
        guard parts.count == 5 else { return false }
        var costs: [String: Int] = [:]
        for part in parts[2].split(separator: UInt8(ascii: ",")) {
            let pair = part.split(separator: UInt8(ascii: "="))
            guard pair.count == 2 else { return false }
            costs[String(decoding: pair[0], as: UTF8.self)] = Int(String(decoding: pair[1], as: UTF8.self))
        }
        guard let memory = costs["m"], let passes = costs["t"] else { return false }
        return memory <= mostMemory && passes <= mostPasses
    }

    /// `$2y$10$…`, `$6$rounds=5000$…`.
    private static func isCheap(crypt hash: String) -> Bool {
        let parts = hash.utf8.split(separator: UInt8(ascii: "$"))
        guard parts.count >= 3 else { return false }
        if parts[0].elementsEqual("6".utf8) {
            guard parts[1].starts(with: "rounds=".utf8) else { return true }
            return Int(String(decoding: parts[1].dropFirst(7), as: UTF8.self)).map { $0 <= mostRounds } ?? false
        }
        return Int(String(decoding: parts[1], as: UTF8.self)).map { $0 <= mostExponent } ?? false
    }
}
