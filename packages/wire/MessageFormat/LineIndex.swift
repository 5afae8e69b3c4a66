import ByteParsing

/// How many line ends stand before each block of a message: counts of overlapping ranges cost one pass together.
struct LineIndex {
    static let blockLength = 4_096

    /// Line ends before block `index`.
    private var before: [Int] = [0]

    init(_ bytes: [UInt8]) {
        before.reserveCapacity(bytes.count / Self.blockLength + 2)
        var start = 0
        while start < bytes.count {
            let end = min(start + Self.blockLength, bytes.count)
            before.append(before[before.count - 1] + Self.count(bytes, start..<end))
            start = end
        }
    }

    /// Line ends in `range` of the bytes that the index was made of.
    func count(in range: Range<Int>, of bytes: [UInt8]) -> Int {
        upTo(range.upperBound, bytes) - upTo(range.lowerBound, bytes)
    }

    private func upTo(_ place: Int, _ bytes: [UInt8]) -> Int {
        let block = place / Self.blockLength
        return before[block] + Self.count(bytes, (block * Self.blockLength)..<place)
    }

    static func count(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var count = 0
        for byte in bytes[range] where byte == ASCII.lf { count += 1 }
        return count
    }
}
