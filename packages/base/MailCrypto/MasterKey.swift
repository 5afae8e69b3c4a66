import Synchronization

/// The platform's master key: seals what must not lie readable in the store.
///
/// It is a ring: the first key seals, all of them open, so that what an earlier key has sealed is read until it is sealed anew.
/// Whoever holds a copy sees at once when the keys are changed.
package struct MasterKey: Sendable, CustomStringConvertible {
    package static let length = 32
    /// Keys of a ring: the one that seals, the one to come, and those that others were sealed with.
    package static let mostKeys = 8

    /// Which key of which ring: octets of a hash, no secret.
    package struct ID: Hashable, Sendable, CustomStringConvertible {
        static let length = 8
        let bytes: [UInt8]

        init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

        /// Hexadecimal digits.
        package var description: String {
            let digits = Array("0123456789abcdef".utf8)
            return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        }
    }

    struct Key: Sendable {
        let id: ID
        let bytes: [UInt8]

        init(_ bytes: [UInt8]) {
            id = ID(SHA256.hash(Array("oonrumail master key\n".utf8) + bytes).prefix(ID.length))
            self.bytes = bytes
        }
    }

    private final class Ring: Sendable {
        let keys: Mutex<[Key]>
        let source: @Sendable () -> [[UInt8]]?
        init(_ keys: [Key], _ source: @escaping @Sendable () -> [[UInt8]]?) {
            self.keys = Mutex(keys)
            self.source = source
        }
    }

    private let ring: Ring

    /// A ring of one key that never changes; nil when it has another length.
    package init?(_ bytes: [UInt8]) { self.init(ring: [bytes]) }

    /// - Parameters:
    ///   - keys: the first one seals; nil without one, with too many, or when one has another length.
    ///   - source: asked before every use of the ring whether the keys are others now, which nil denies; it must return at once.
    package init?(ring keys: [[UInt8]], source: @escaping @Sendable () -> [[UInt8]]? = { nil }) {
        guard Self.isRing(keys) else { return nil }
        ring = Ring(keys.map { Key($0) }, source)
    }

    private static func isRing(_ keys: [[UInt8]]) -> Bool {
        (1...mostKeys).contains(keys.count) && keys.allSatisfy { $0.count == length }
    }

    package static func random() -> [UInt8] { SecureRandom.bytes(length) }

    /// The keys in force now, the one that seals first.
    var keys: [Key] {
        // Under the lock: nobody uses the old ring while another reads the new one.
        ring.keys.withLock { keys in
            if let others = ring.source(), Self.isRing(others) { keys = others.map { Key($0) } }
            return keys
        }
    }

    /// Which keys these are, the one that seals first.
    package var ids: [ID] { keys.map(\.id) }

    package var description: String { "MasterKey(redacted)" }
}
