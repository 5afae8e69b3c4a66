import NIOCore

extension ByteBuffer {
    /// The index of the first CR or LF in `start..<end`, which must be readable; `end` when there is none.
    ///
    /// Eight octets a step: message text is scanned at memory speed rather than octet by octet.
    @inline(__always)
    func indexOfLineBreak(from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 8 <= end, let word = getInteger(at: index, endianness: .little, as: UInt64.self) {
            // The high bit of each octet that is zero after the exclusive or: the lowest one set is exact.
            let carriageReturns = Self.zeroOctets(word ^ 0x0D0D_0D0D_0D0D_0D0D)
            let lineFeeds = Self.zeroOctets(word ^ 0x0A0A_0A0A_0A0A_0A0A)
            let found = carriageReturns | lineFeeds
            if found != 0 { return index &+ found.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < end, let byte = getInteger(at: index, as: UInt8.self) {
            if byte == 13 || byte == 10 { return index }
            index &+= 1
        }
        return end
    }

    @inline(__always)
    private static func zeroOctets(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }

    /// The octet at `index`, which must be readable.
    @inline(__always)
    func octet(at index: Int) -> UInt8 {
        guard let byte = getInteger(at: index, as: UInt8.self) else {
            preconditionFailure("index \(index) is not readable")
        }
        return byte
    }

    /// Appends `other`'s octets of `range`.
    @inline(__always)
    mutating func append(_ other: ByteBuffer, _ range: Range<Int>) {
        guard !range.isEmpty, let slice = other.getSlice(at: range.lowerBound, length: range.count) else { return }
        writeImmutableBuffer(slice)
    }
}
