import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

@testable import Accounts

/// Sealed values in memory, one column.
private final class SealedShelf: SealedValueStore {
    let values = Mutex<[Int64: [UInt8]]>([:])
    /// Called between reading and writing.
    let between = Mutex<@Sendable () -> Void>({})

    func sealedColumns() async throws(StoreError) -> [SealedColumn] { [SealedColumn(name: "shelf.value")] }

    func sealedValues(
        in column: SealedColumn,
        after place: [SealedValue.Part]?,
        limit: Int
    ) async throws(StoreError) -> [SealedValue] {
        var after = Int64.min
        if case .integer(let number)? = place?.first { after = number }
        return values.withLock { values in
            values.keys.sorted().filter { $0 > after }.prefix(limit).map {
                SealedValue(place: [.integer($0)], sealed: values[$0] ?? [])
            }
        }
    }

    func reseal(
        _ changes: [(value: SealedValue, sealed: [UInt8])],
        in column: SealedColumn
    ) async throws(StoreError) -> Int {
        between.withLock { $0 }()
        return values.withLock { values in
            changes.count { change in
                guard case .integer(let number)? = change.value.place.first, values[number] == change.value.sealed
                else {
                    return false
                }
                values[number] = change.sealed
                return true
            }
        }
    }
}

/// The keys of a ring, as a file would have them.
private final class Ring: Sendable {
    private let held: Mutex<(keys: [[UInt8]], isNew: Bool)>
    init(_ keys: [[UInt8]]) { held = Mutex((keys, false)) }
    func set(_ keys: [[UInt8]]) { held.withLock { $0 = (keys, true) } }
    func key() throws -> MasterKey {
        let keys = held.withLock { $0.keys }
        return try #require(
            MasterKey(ring: keys) {
                self.held.withLock { held in
                    defer { held.isNew = false }
                    return held.isNew ? held.keys : nil
                }
            }
        )
    }
}

@Suite struct ResealingTests {
    private let first = MasterKey.random()
    private let second = MasterKey.random()
    private let directory = FakeDirectory()

    private func resealing(_ shelf: SealedShelf, _ key: MasterKey) -> Resealing {
        Resealing(store: shelf, directory: directory, key: key, clock: ManualClock())
    }

    @Test func `both keys open throughout, and the first one seals`() throws {
        let ring = Ring([first])
        let key = try ring.key()
        let old = SecretBox.seal([1, 2, 3], with: key)
        ring.set([second, first])
        let new = SecretBox.seal([4, 5], with: key)
        #expect(try SecretBox.open(old, with: key) == [1, 2, 3] && SecretBox.open(new, with: key) == [4, 5])
        #expect(try SecretBox.opener(of: new, with: key).id == key.ids[0])
        #expect(try SecretBox.opener(of: old, with: key).id == key.ids[1])
        let alone = try #require(MasterKey(second))
        #expect(try SecretBox.open(new, with: alone) == [4, 5])
        #expect(throws: CryptoError.malformed) { try SecretBox.open(old, with: alone) }
        #expect(throws: CryptoError.malformed) { try SecretBox.open(new, with: try #require(MasterKey(first))) }
        ring.set([second])
        #expect(throws: CryptoError.malformed) { try SecretBox.open(old, with: key) }
        // What does not read as a ring changes nothing.
        ring.set([[1, 2]])
        #expect(try SecretBox.open(new, with: key) == [4, 5])
    }

    @Test func `what a release without rings sealed opens, and it opens what a ring of one seals`() throws {
        let key = try #require(MasterKey(first))
        let sealed = SecretBox.seal([9], with: key)
        // A nonce, the octet and its authentication: nothing in front.
        #expect(sealed.count == 24 + 16 + 1)
        #expect(try SecretBox.open(sealed, with: try #require(MasterKey(ring: [second, first]))) == [9])
        #expect(!"\(key)".contains("\(key.ids[0])"))
    }

    @Test func `every octet that is changed is noticed`() throws {
        let key = try #require(MasterKey(ring: [second, first]))
        let sealed = SecretBox.seal([1, 2, 3], with: key)
        for place in sealed.indices {
            var changed = sealed
            changed[place] ^= 1
            #expect(throws: CryptoError.malformed) { try SecretBox.open(changed, with: key) }
        }
    }

    @Test func `everything comes under the first key, page by page`() async throws {
        let shelf = SealedShelf()
        let old = try #require(MasterKey(first))
        for number in 0..<Int64(Resealing.page * 2 + 7) {
            let sealed = SecretBox.seal(Array("\(number)".utf8), with: old)
            shelf.values.withLock { $0[number] = sealed }
        }
        shelf.values.withLock { $0[-1] = [1, 2, 3] }
        let ring = try #require(MasterKey(ring: [second, first]))
        let resealing = resealing(shelf, ring)
        let before = try await resealing.status()
        #expect(before.map(\.older) == [Resealing.page * 2 + 7] && before.map(\.lost) == [1])
        let done = try await resealing.reseal(actor: "cli")
        #expect(done.map(\.resealed) == [Resealing.page * 2 + 7] && done.map(\.older) == [0])
        #expect(try await resealing.reseal(actor: "cli").map(\.resealed) == [0])
        let alone = try #require(MasterKey(second))
        for (number, sealed) in shelf.values.withLock({ $0 }) where number >= 0 {
            #expect(try SecretBox.open(sealed, with: alone) == Array("\(number)".utf8))
        }
        #expect(shelf.values.withLock { $0[-1] } == [1, 2, 3])
        let trail = try await directory.auditTrail(AuditFilter(), before: nil, limit: 9)
        let walk = ["master_key.reseal", "master_key.reseal_begin"]
        #expect(trail.map(\.event.action) == walk + walk)
    }

    @Test func `what somebody changes meanwhile is theirs`() async throws {
        let theirs = SecretBox.seal([7], with: try #require(MasterKey(first)))
        let made = SealedShelf()
        made.between.withLock { $0 = { made.values.withLock { $0[1] = theirs } } }
        let mine = SecretBox.seal([6], with: try #require(MasterKey(first)))
        made.values.withLock { $0 = [1: mine] }
        let resealing = resealing(made, try #require(MasterKey(ring: [second, first])))
        let done = try await resealing.reseal(actor: "cli")
        #expect(done.map(\.resealed) == [0] && done.map(\.older) == [1])
        #expect(made.values.withLock { $0[1] } == theirs)
        made.between.withLock { $0 = {} }
    }
}
