import CZlib

/// A compressed file that gives a range without unpacking the rest.
///
/// Size of the plain bytes (8 octets), size of a chunk (4), the packed length of every chunk (4 each), the chunks, each
/// a zlib stream (RFC 1950); numbers big-endian.
enum ChunkedDeflate {
    private static let chunk = 64 << 10
    private static let headLength = 12

    /// nil when it would hardly be smaller.
    static func pack(_ plain: [UInt8]) -> [UInt8]? {
        let count = (plain.count + chunk - 1) / chunk
        var lengths: [UInt8] = []
        var body: [UInt8] = []
        body.reserveCapacity(plain.count / 2)
        var packed = [UInt8](repeating: 0, count: Int(compressBound(UInt(chunk))))
        for start in stride(from: 0, to: plain.count, by: chunk) {
            var length = UInt(packed.count)
            let size = min(chunk, plain.count - start)
            let done = plain.withUnsafeBufferPointer { plain in
                compress2(&packed, &length, plain.baseAddress.map { $0 + start }, UInt(size), 1)
            }
            guard done == Z_OK else { return nil }
            lengths += bigEndian(Int(length), octets: 4)
            body += packed[..<Int(length)]
            // The first chunk tells whether there is anything to win.
            if start == 0, count > 1, Int(length) > size * 9 / 10 { return nil }
        }
        guard body.count + lengths.count + headLength < plain.count * 9 / 10 else { return nil }
        return bigEndian(plain.count, octets: 8) + bigEndian(chunk, octets: 4) + lengths + body
    }

    /// Octets of the plain bytes; nil when the file is no such file.
    static func size(in descriptor: Int32) -> Int? { head(of: descriptor)?.size }

    private static func head(of descriptor: Int32) -> (size: Int, chunk: Int)? {
        guard let head = FileOctets.readAll(descriptor, size: headLength) else { return nil }
        let size = number(head[..<8])
        let chunk = number(head[8...])
        guard size > 0, size <= 1 << 40, chunk >= 1 << 10, chunk <= 16 << 20 else { return nil }
        return (size, chunk)
    }

    /// nil when it does not unpack.
    static func unpack(from descriptor: Int32, range: Range<Int>) -> [UInt8]? {
        guard let (size, chunk) = head(of: descriptor) else { return nil }
        let range = range.clamped(to: 0..<size)
        guard !range.isEmpty else { return [] }
        let count = (size + chunk - 1) / chunk
        let chunks = (range.lowerBound / chunk)...((range.upperBound - 1) / chunk)
        guard let table = FileOctets.readAll(descriptor, size: 4 * (chunks.upperBound + 1), from: headLength) else {
            return nil
        }
        let lengths = (0...chunks.upperBound).map { number(table[($0 * 4)..<($0 * 4 + 4)]) }
        let first = headLength + count * 4 + lengths[..<chunks.lowerBound].reduce(0, +)
        let wanted = lengths[chunks].reduce(0, +)
        guard wanted <= chunks.count * Int(compressBound(UInt(chunk))) else { return nil }
        guard let packed = FileOctets.readAll(descriptor, size: wanted, from: first) else { return nil }
        var plain = [UInt8](repeating: 0, count: min(size, (chunks.upperBound + 1) * chunk) - chunks.lowerBound * chunk)
        var source = 0
        for (place, index) in chunks.enumerated() {
            let expected = min(chunk, size - index * chunk)
            var length = UInt(expected)
            let done = plain.withUnsafeMutableBufferPointer { plain in
                packed.withUnsafeBufferPointer { packed in
                    // Both are large enough: checked above.
                    uncompress(
                        plain.baseAddress.map { $0 + place * chunk },
                        &length,
                        packed.baseAddress.map { $0 + source },
                        UInt(lengths[index])
                    )
                }
            }
            guard done == Z_OK, Int(length) == expected else { return nil }
            source += lengths[index]
        }
        let offset = chunks.lowerBound * chunk
        if range.lowerBound == offset, range.count == plain.count { return plain }
        return Array(plain[(range.lowerBound - offset)..<(range.upperBound - offset)])
    }

    private static func bigEndian(_ value: Int, octets: Int) -> [UInt8] {
        (0..<octets).map { UInt8(truncatingIfNeeded: value >> ((octets - 1 - $0) * 8)) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
        Int(truncatingIfNeeded: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
