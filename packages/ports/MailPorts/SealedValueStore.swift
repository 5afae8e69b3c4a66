/// Where values lie in the store that the master key has sealed.
package struct SealedColumn: Hashable, Sendable {
    /// For people: `dkim_keys.sealed_private_key`.
    package var name: String
    package init(name: String) { self.name = name }
}

/// A sealed value and its place; the place is the store's own and grows along a walk.
package struct SealedValue: Hashable, Sendable {
    package enum Part: Hashable, Sendable {
        case integer(Int64)
        case text(String)
        case bytes([UInt8])
    }
    package var place: [Part]
    package var sealed: [UInt8]
    package init(place: [Part], sealed: [UInt8]) { (self.place, self.sealed) = (place, sealed) }
}

/// Walks over everything that is sealed with the master key.
package protocol SealedValueStore: Sendable {
    /// Every column that has sealed values.
    func sealedColumns() async throws(StoreError) -> [SealedColumn]
    /// A page of values behind a place, in the order of their places.
    func sealedValues(
        in column: SealedColumn,
        after place: [SealedValue.Part]?,
        limit: Int
    ) async throws(StoreError) -> [SealedValue]
    /// Puts other seals on values that have not changed since they were read.
    ///
    /// - Returns: how many were changed; the others are gone or have been sealed anew by others.
    func reseal(
        _ changes: [(value: SealedValue, sealed: [UInt8])],
        in column: SealedColumn
    ) async throws(StoreError) -> Int
}

/// The file of the master key's ring.
package protocol MasterKeyKeeping: Sendable {
    /// Adds a new key behind the others, or puts the last one in front, or keeps the first one only.
    ///
    /// - Parameter output: where the ring is written instead of its own file, for secrets that are mounted and not written here.
    /// - Returns: the keys of the changed ring.
    /// - Throws: what says in one line why not.
    func change(_ step: MasterKeyStep, output: String?) throws -> Int
}

package enum MasterKeyStep: String, Sendable {
    /// A new key that opens and does not seal yet.
    case add
    /// The newest key seals from now on; where there is one only, another is made first.
    case rotate
    /// Keys that do not seal are forgotten.
    case retire
}
