/// The few elements that are read of S3's answers, by their octets.
enum S3Text {
    /// What stands in each element of that name, in order.
    static func values(of name: String, in bytes: [UInt8]) -> [String] {
        let (open, close) = (Array("<\(name)>".utf8), Array("</\(name)>".utf8))
        var found: [String] = []
        var rest = bytes[...]
        while let start = place(of: open, in: rest) {
            let content = rest[(start + open.count)...]
            guard let end = place(of: close, in: content) else { break }
            found.append(unescaped(content[..<end]))
            rest = content[(end + close.count)...]
        }
        return found
    }

    static func value(of name: String, in bytes: [UInt8]) -> String? { values(of: name, in: bytes).first }

    private static func place(of word: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex
        while let start = bytes[index...].firstIndex(of: word[0]), start + word.count <= bytes.endIndex {
            if bytes[start..<(start + word.count)].elementsEqual(word) { return start }
            index = start + 1
        }
        return nil
    }

    /// `bytes 0-99/1234`; nil when it does not read, or the total is not told.
    static func range(_ field: String) -> (start: Int, length: Int, total: Int)? {
        let words = field.utf8.split { !(48...57).contains($0) }.map { Int(String(decoding: $0, as: UTF8.self)) }
        guard words.count == 3, let start = words[0], let last = words[1], let total = words[2], start <= last,
            last < total
        else { return nil }
        return (start, last - start + 1, total)
    }

    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.contains(UInt8(ascii: "&")) else { return String(decoding: bytes, as: UTF8.self) }
        var result: [UInt8] = []
        var rest = bytes
        let entities = [
            ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&apos;", "'"),
        ]
        while let byte = rest.first {
            if byte == UInt8(ascii: "&"), let (name, text) = entities.first(where: { rest.starts(with: $0.0.utf8) }) {
                result += Array(text.utf8)
                rest = rest.dropFirst(name.utf8.count)
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
