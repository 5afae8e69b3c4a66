/// A position in a byte array that grammar functions advance.
///
/// Functions return nil (or false) and leave the position alone when the input does not match.
@usableFromInline package struct ByteCursor: Sendable {
    @usableFromInline package let bytes: [UInt8]
    @usableFromInline package var position: Int
    @usableFromInline package let end: Int

    @inlinable package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        self.position = 0
        self.end = bytes.count
    }

    /// Reads `bytes[range]` only.
    @inlinable package init(_ bytes: [UInt8], range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        self.bytes = bytes
        self.position = range.lowerBound
        self.end = range.upperBound
    }

    @inlinable package var isAtEnd: Bool { position >= end }
    @inlinable package var remaining: Int { end - position }
    @inlinable package var peek: UInt8? { position < end ? bytes[position] : nil }

    @inlinable package func peek(at offset: Int) -> UInt8? { position + offset < end ? bytes[position + offset] : nil }

    @inlinable package mutating func next() -> UInt8? {
        guard position < end else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    @inlinable package mutating func skip(_ byte: UInt8) -> Bool {
        guard position < end, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Skips `word` in any case of ASCII letters; `word` must be in lower case.
    @inlinable package mutating func skip(ignoringCase word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard end - position >= length else { return false }
        guard bytes[position..<(position + length)].equalsIgnoringASCIICase(word) else { return false }
        position += length
        return true
    }

    /// The longest run of members, possibly empty.
    @inlinable package mutating func take(while members: ByteClass) -> ArraySlice<UInt8> {
        let start = position
        while position < end, members.contains(bytes[position]) { position += 1 }
        return bytes[start..<position]
    }

    @inlinable package mutating func take(while isMember: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = position
        while position < end, isMember(bytes[position]) { position += 1 }
        return bytes[start..<position]
    }

    @inlinable package mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, end - position >= count else { return nil }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    /// `1*DIGIT` without sign; nil when there is none or it exceeds `maximum`.
    @inlinable package mutating func number(maximum: UInt64 = UInt64.max) -> UInt64? {
        let start = position
        var value: UInt64 = 0
        while position < end, bytes[position].isASCIIDigit {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(bytes[position] - 48))
            guard !overflow, !carry, sum <= maximum else {
                position = start
                return nil
            }
            value = sum
            position += 1
        }
        return position > start ? value : nil
    }
}
