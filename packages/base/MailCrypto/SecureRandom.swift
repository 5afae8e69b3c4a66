import CSodium

/// Readies libsodium once; every use of it goes through here.
enum Sodium {
    static let isReady: Bool = sodium_init() >= 0
    static func require() { precondition(isReady, "libsodium does not start") }
}

/// Random octets from the kernel.
package enum SecureRandom {
    package static func bytes(_ count: Int) -> [UInt8] {
        Sodium.require()
        var made = [UInt8](repeating: 0, count: count)
        randombytes_buf(&made, count)
        return made
    }

    package static func uint32() -> UInt32 {
        Sodium.require()
        return randombytes_random()
    }
}

/// Compares without telling by its time where two secrets differ.
package func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    Sodium.require()
    guard left.count == right.count else { return false }
    return sodium_memcmp(left, right, left.count) == 0
}
