import ByteParsing

/// The work that a run may still do.
struct SieveFuel: Hashable, Sendable {
    var steps: Int
    var place: SievePlace

    /// A run that takes longer than any honest script needs ends (RFC 5228 §10).
    mutating func burn(_ count: Int = 1) throws(SieveRunFault) {
        steps -= count
        guard steps >= 0 else {
            throw place.runFault(.limit, "The script takes too many steps; use fewer or simpler patterns.")
        }
    }
}

extension SieveMatch {
    /// Whether the value fits the key, and what the wildcards of `:matches` stand for, the whole first.
    func compare(
        _ value: [UInt8],
        _ key: [UInt8],
        _ fuel: inout SieveFuel
    ) throws(SieveRunFault) -> (isMatch: Bool, captures: [[UInt8]]?) {
        try fuel.burn(value.count + key.count + 1)
        switch kind {
        case .equals: return (relates(value, key, .equal), nil)
        case .value(let relation), .count(let relation): return (relates(value, key, relation), nil)
        case .contains: return (try contains(folded(value), folded(key), &fuel), nil)
        case .matches:
            let pattern = SieveWildcards(folded(key), hasCharacters: comparator != .octet)
            let captures = try pattern.match(value, folded(value), &fuel)
            return (captures != nil, captures)
        }
    }

    /// RFC 4790 §9.2: "i;ascii-casemap" compares with ASCII letters as their upper case.
    private func folded(_ text: [UInt8]) -> [UInt8] {
        comparator == .octet ? text : text.map(\.asciiUppercased)
    }

    private func relates(_ left: [UInt8], _ right: [UInt8], _ relation: Relation) -> Bool {
        let order =
            switch comparator {
            case .numeric: Self.numericOrder(left, right)
            case .octet, .casemap: Self.order(folded(left), folded(right))
            }
        return switch relation {
        case .greater: order > 0
        case .greaterOrEqual: order >= 0
        case .less: order < 0
        case .lessOrEqual: order <= 0
        case .equal: order == 0
        case .notEqual: order != 0
        }
    }

    private static func order(_ left: [UInt8], _ right: [UInt8]) -> Int {
        if left == right { return 0 }
        return left.lexicographicallyPrecedes(right) ? -1 : 1
    }

    /// RFC 4790 §9.1: the digits at the beginning; a string without any is larger than every number.
    private static func numericOrder(_ left: [UInt8], _ right: [UInt8]) -> Int {
        let (first, second) = (digits(left), digits(right))
        switch (first, second) {
        case (nil, nil): return 0
        case (nil, _): return 1
        case (_, nil): return -1
        case (let first?, let second?):
            if first.count != second.count { return first.count < second.count ? -1 : 1 }
            return order(Array(first), Array(second))
        }
    }

    private static func digits(_ text: [UInt8]) -> ArraySlice<UInt8>? {
        let digits = text.prefix(while: \.isASCIIDigit)
        return digits.isEmpty ? nil : digits.drop { $0 == 48 }
    }

    private func contains(
        _ value: [UInt8],
        _ key: [UInt8],
        _ fuel: inout SieveFuel
    ) throws(SieveRunFault) -> Bool {
        guard key.count <= value.count else { return false }
        guard let first = key.first else { return true }
        for start in 0...(value.count - key.count) where value[start] == first {
            var length = 1
            while length < key.count, value[start + length] == key[length] { length += 1 }
            try fuel.burn(length)
            if length == key.count { return true }
        }
        return false
    }
}

/// The pattern of `:matches`: `*`, `?`, and a backslash before what stands for itself (RFC 5228 §2.7.1).
struct SieveWildcards: Sendable {
    private enum Item: Hashable, Sendable {
        case octet(UInt8)
        /// One character.
        case one
        /// Any characters or none.
        case any
    }

    private var items: [Item] = []
    /// Whether characters are UTF-8; octets otherwise.
    private let hasCharacters: Bool

    init(_ key: [UInt8], hasCharacters: Bool) {
        self.hasCharacters = hasCharacters
        var index = 0
        while index < key.count {
            switch key[index] {
            case ASCII.star: items.append(.any)
            case ASCII.question: items.append(.one)
            case ASCII.backslash where index + 1 < key.count:
                index += 1
                items.append(.octet(key[index]))
            default: items.append(.octet(key[index]))
            }
            index += 1
        }
    }

    /// Each `*` takes as little as it can, the first ones first (RFC 5229 §3.2), so only the last one is ever widened:
    /// the work is at most the product of the lengths, and `fuel` bounds it.
    ///
    /// `value` gives the captures, `folded` is compared.
    func match(
        _ value: [UInt8],
        _ folded: [UInt8],
        _ fuel: inout SieveFuel
    ) throws(SieveRunFault) -> [[UInt8]]? {
        var (at, item) = (0, 0)
        var captures: [Range<Int>] = []
        /// Behind the last `*`, and how many captures there were with its own.
        var last: (item: Int, count: Int)?
        while true {
            try fuel.burn()
            if item < items.count {
                switch items[item] {
                case .any:
                    captures.append(at..<at)
                    item += 1
                    last = (item, captures.count)
                    continue
                case .one where at < folded.count:
                    let end = at + width(folded, at)
                    captures.append(at..<end)
                    (at, item) = (end, item + 1)
                    continue
                case .octet(let byte) where at < folded.count && folded[at] == byte:
                    (at, item) = (at + 1, item + 1)
                    continue
                case .one, .octet: ()  // No match here: the last `*` takes more.
                }
            } else if at == folded.count {
                return [value] + captures.map { Array(value[$0]) }
            }
            guard let last, captures[last.count - 1].upperBound < folded.count else { return nil }
            captures.removeLast(captures.count - last.count)
            let taken = captures[last.count - 1]
            let end = taken.upperBound + width(folded, taken.upperBound)
            captures[last.count - 1] = taken.lowerBound..<end
            (at, item) = (end, last.item)
        }
    }

    private func width(_ text: [UInt8], _ index: Int) -> Int {
        hasCharacters ? max(1, scalarWidth(text, at: index)) : 1
    }
}
