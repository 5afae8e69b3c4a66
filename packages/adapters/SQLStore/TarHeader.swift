/// The header of a regular file in a tar archive (POSIX ustar), which any `tar` lists.
struct TarHeader: Equatable {
    static let block = 512
    var name: String
    var size: Int

    /// nil when the name is too long or the size negative.
    var encoded: [UInt8]? {
        var header = [UInt8](repeating: 0, count: Self.block)
        let name = Array(self.name.utf8)
        guard !name.isEmpty, name.count <= 100, size >= 0 else { return nil }
        header.replaceSubrange(0..<name.count, with: name)
        Self.put("0000600", at: 100, in: &header)
        Self.put("0000000", at: 108, in: &header)
        Self.put("0000000", at: 116, in: &header)
        if size < 1 << 33 {
            Self.put(Self.octal(size, digits: 11), at: 124, in: &header)
        } else {
            // GNU: larger than 11 octal digits, as big-endian binary with the first bit set.
            header[124] = 0x80
            for place in 0..<8 { header[135 - place] = UInt8(truncatingIfNeeded: size >> (place * 8)) }
        }
        Self.put("00000000000", at: 136, in: &header)
        header[156] = UInt8(ascii: "0")
        Self.put("ustar", at: 257, in: &header)
        Self.put("00", at: 263, in: &header)
        Self.put(Self.octal(Self.checksum(header), digits: 6), at: 148, in: &header)
        header[155] = 32
        return header
    }

    init(name: String, size: Int) {
        self.name = name
        self.size = size
    }

    /// nil when it is no header of a regular file with a right checksum.
    init?(_ header: [UInt8]) {
        guard header.count == Self.block, header[257..<262].elementsEqual("ustar".utf8) else { return nil }
        guard header[156] == UInt8(ascii: "0"), header[345] == 0 else { return nil }
        guard Self.number(header[148..<156]) == Self.checksum(header) else { return nil }
        name = String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self)
        if header[124] == 0x80 {
            let value = header[128..<136].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard header[125..<128].allSatisfy({ $0 == 0 }), value <= 1 << 50 else { return nil }
            size = Int(value)
        } else {
            guard let value = Self.number(header[124..<136]) else { return nil }
            size = value
        }
    }

    /// What follows the content to fill its last block.
    static func padding(after size: Int) -> Int { (block - size % block) % block }

    private static func put(_ text: String, at offset: Int, in header: inout [UInt8]) {
        header.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8)
    }

    private static func octal(_ value: Int, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// Octal digits up to a zero or space.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.prefix { $0 != 0 && $0 != 32 }
        guard !digits.isEmpty, digits.count <= 12 else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }

    /// Sum of all octets, the checksum's own as spaces.
    private static func checksum(_ header: [UInt8]) -> Int {
        header.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 32 : Int(header[$1])) }
    }
}
