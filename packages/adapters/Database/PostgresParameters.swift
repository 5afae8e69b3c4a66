import CLibPQ

/// A statement's values as the protocol carries them, in binary.
struct PostgresParameters {
    private(set) var types: [Oid] = []
    private var octets: [UInt8] = []
    /// Where each value begins; nil is NULL.
    private var offsets: [Int?] = []
    private var lengths: [Int32] = []
    /// One letter a value: statements with the same text and other types are prepared apart.
    private(set) var signature: [UInt8] = []

    /// Octets to send.
    var count: Int { octets.count }

    init(_ values: [SQLValue]) {
        types.reserveCapacity(values.count)
        for value in values {
            let start = octets.count
            switch value {
            case .null:
                // The place in the statement says which type it is.
                add(type: 0, "n")
                offsets.append(nil)
                lengths.append(0)
                continue
            case .integer(let integer):
                add(type: 20, "i")
                withUnsafeBytes(of: integer.bigEndian) { octets.append(contentsOf: $0) }
            case .text(let text):
                add(type: 25, "t")
                if text.utf8.contains(0) {
                    // PostgreSQL's texts have no U+0000; what a peer encoded so reads as a replaced character.
                    for byte in text.utf8 { octets.append(contentsOf: byte == 0 ? [0xEF, 0xBF, 0xBD] : [byte]) }
                } else {
                    octets.append(contentsOf: text.utf8)
                }
            case .bytes(let bytes):
                add(type: 17, "b")
                octets.append(contentsOf: bytes)
            }
            offsets.append(start)
            lengths.append(Int32(octets.count - start))
        }
        // An address for empty values: a null pointer would be NULL.
        octets.append(0)
    }

    private mutating func add(type: Oid, _ letter: Unicode.Scalar) {
        types.append(type)
        signature.append(UInt8(ascii: letter))
    }

    /// Calls libpq with count, values, lengths and formats.
    func withPointers<Result>(
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> Result
    ) -> Result {
        octets.withUnsafeBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            let values = offsets.map { offset in offset.flatMap { start?.advanced(by: $0) } }
            let formats = [Int32](repeating: 1, count: offsets.count)
            return values.withUnsafeBufferPointer { values in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(Int32(offsets.count), values.baseAddress, lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }
}
