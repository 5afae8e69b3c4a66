import ByteParsing

/// `sequence-set` (RFC 9051 §9): numbers, ranges, `*`, or `$` for the saved result of RFC 5182.
package struct SequenceSet: Hashable, Sendable {
    package enum Bound: Hashable, Sendable {
        case number(UInt32)
        case last
    }
    package struct Element: Hashable, Sendable {
        package var from: Bound
        package var to: Bound
    }

    package var elements: [Element]
    package var isSavedResult = false

    /// Elements of one set.
    package static let maximumElements = 50_000
    package static let savedResult = SequenceSet(elements: [], isSavedResult: true)

    package init(elements: [Element], isSavedResult: Bool = false) {
        self.elements = elements
        self.isSavedResult = isSavedResult
    }

    /// `seq-number = nz-number / "*"`, `seq-range = seq-number ":" seq-number`.
    static func parse(_ cursor: inout ByteCursor) -> SequenceSet? {
        if cursor.skip(36) { return .savedResult }
        var elements: [Element] = []
        repeat {
            guard elements.count < maximumElements, let from = bound(&cursor) else { return nil }
            var to = from
            if cursor.skip(ASCII.colon) {
                guard let end = bound(&cursor) else { return nil }
                to = end
            }
            elements.append(Element(from: from, to: to))
        } while cursor.skip(ASCII.comma)
        return SequenceSet(elements: elements)
    }

    private static func bound(_ cursor: inout ByteCursor) -> Bound? {
        if cursor.skip(ASCII.star) { return .last }
        guard let number = cursor.number(maximum: UInt64(UInt32.max)), number > 0 else { return nil }
        return .number(UInt32(number))
    }

    /// Ascending, disjoint ranges with `*` as `maximum` (as 1 in an empty mailbox, where no number names a message).
    package func ranges(maximum: UInt32) -> [ClosedRange<UInt32>] {
        let resolved = elements.map { element -> ClosedRange<UInt32> in
            let ends = [element.from, element.to].map { bound -> UInt32 in
                switch bound {
                case .number(let number): number
                case .last: max(maximum, 1)
                }
            }
            return min(ends[0], ends[1])...max(ends[0], ends[1])
        }.sorted { $0.lowerBound < $1.lowerBound }
        var merged: [ClosedRange<UInt32>] = []
        for range in resolved {
            if let last = merged.last, range.lowerBound <= last.upperBound || range.lowerBound == last.upperBound &+ 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }

    package static func == (left: SequenceSet, right: SequenceSet) -> Bool {
        left.elements == right.elements && left.isSavedResult == right.isSavedResult
    }
}
