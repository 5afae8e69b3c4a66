/// A place in a sorted list: behind the row with this key, and with this among rows of the same key.
package struct ListPosition: Hashable, Sendable {
    package enum Key: Hashable, Sendable {
        case text(String)
        case number(Int64)
    }
    package var key: Key
    package var tie: Key
    package init(key: Key, tie: Int64) { (self.key, self.tie) = (key, .number(tie)) }
    package init(key: Key, tie: String) { (self.key, self.tie) = (key, .text(tie)) }

    /// Whether it is in front in an ascending list: texts go by their octets.
    package func precedes(_ other: ListPosition) -> Bool {
        if Self.precedes(key, other.key) { return true }
        return !Self.precedes(other.key, key) && Self.precedes(tie, other.tie)
    }

    private static func precedes(_ left: Key, _ right: Key) -> Bool {
        switch (left, right) {
        case (.text(let one), .text(let other)): one.utf8.lexicographicallyPrecedes(other.utf8)
        case (.number(let one), .number(let other)): one < other
        case (.text, .number), (.number, .text): false
        }
    }
}

/// What a list is sorted by, each named as the list's documents name the field.
package protocol ListSort: RawRepresentable, CaseIterable, Hashable, Sendable where RawValue == String {
    /// Whether the key is a number, such as a time; a time that a row does not have counts as none, before every other.
    var isNumber: Bool { get }
    /// Whether a number tells rows with the same key apart.
    var isTieNumber: Bool { get }
}

extension ListSort {
    package var isNumber: Bool { rawValue.utf8.suffix(3).elementsEqual("_at".utf8) }
    package var isTieNumber: Bool { true }
}

/// What a page of a list is asked for: its order, the place that it goes on from, and filters of the list's own.
package protocol Listing: Hashable, Sendable {
    associatedtype Sort: ListSort
    var sort: Sort { get set }
    var isDescending: Bool { get set }
    /// As `Listed` rows tell it; nil: from the beginning.
    var after: ListPosition? { get set }
    var limit: Int { get set }
}

/// A row that tells where it is in a sorted list.
package protocol Listed {
    associatedtype Sort: ListSort
    func place(by sort: Sort) -> ListPosition
}

extension Listing {
    /// Every row from here on, read in pages of `limit`.
    package func every<Row: Listed, Failure: Error>(
        _ page: (Self) async throws(Failure) -> [Row]
    ) async throws(Failure) -> [Row] where Row.Sort == Sort {
        var listing = self
        var found: [Row] = []
        while true {
            let rows = try await page(listing)
            found += rows
            guard rows.count == limit, let last = rows.last else { return found }
            listing.after = last.place(by: sort)
        }
    }
}
