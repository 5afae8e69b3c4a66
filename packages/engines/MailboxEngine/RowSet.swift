/// A set of places in a snapshot, a bit each.
struct RowSet: Sendable {
    private var words: [UInt64]
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        words = [UInt64](repeating: 0, count: (capacity + 63) / 64)
    }

    /// The places below `count`.
    init(capacity: Int, first count: Int) {
        self.init(capacity: capacity)
        for word in 0..<(count / 64) { words[word] = .max }
        if count % 64 > 0 { words[count / 64] = (1 << UInt64(count % 64)) - 1 }
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    func contains(_ place: Int) -> Bool { words[place / 64] >> UInt64(place % 64) & 1 == 1 }
    mutating func insert(_ place: Int) { words[place / 64] |= 1 << UInt64(place % 64) }

    mutating func formUnion(_ other: RowSet) { for word in words.indices { words[word] |= other.words[word] } }
    mutating func formIntersection(_ other: RowSet) { for word in words.indices { words[word] &= other.words[word] } }
    func subtracting(_ other: RowSet) -> RowSet {
        var result = self
        for word in words.indices { result.words[word] &= ~other.words[word] }
        return result
    }

    /// Ascending.
    func forEach(_ body: (Int) -> Void) {
        for index in words.indices {
            var word = words[index]
            while word != 0 {
                body(index * 64 + word.trailingZeroBitCount)
                word &= word - 1
            }
        }
    }

    /// The members for which `isMember` holds.
    func filter(_ isMember: (Int) -> Bool) -> RowSet {
        var result = RowSet(capacity: capacity)
        forEach { if isMember($0) { result.insert($0) } }
        return result
    }

    var places: [Int] {
        var found: [Int] = []
        forEach { found.append($0) }
        return found
    }
}
