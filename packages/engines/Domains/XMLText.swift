/// Text as it stands between the tags of an XML document.
enum XMLText {
    /// Markup is escaped, and what XML 1.0 §2.2 does not allow is left out.
    static func escaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): bytes += "&lt;".utf8
            case UInt8(ascii: ">"): bytes += "&gt;".utf8
            case UInt8(ascii: "&"): bytes += "&amp;".utf8
            case UInt8(ascii: "\""): bytes += "&quot;".utf8
            case UInt8(ascii: "'"): bytes += "&apos;".utf8
            case 0..<32, 127: continue
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text of the first element of that name, whatever prefix or attributes it has; nil when there is none, or it holds markup.
    static func content(of name: String, in document: [UInt8]) -> [UInt8]? {
        let wanted = Array(name.utf8)
        var index = 0
        while let open = document[index...].firstIndex(of: UInt8(ascii: "<")) {
            guard let close = document[open...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
            index = close + 1
            let tag = document[(open + 1)..<close].prefix {
                $0 != 32 && $0 != 9 && $0 != 10 && $0 != 13 && $0 != UInt8(ascii: "/")
            }
            let local = tag.lastIndex(of: UInt8(ascii: ":")).map { tag[($0 + 1)...] } ?? tag
            guard local.elementsEqual(wanted), document[close - 1] != UInt8(ascii: "/") else { continue }
            let end = document[index...].firstIndex(of: UInt8(ascii: "<")) ?? document.endIndex
            guard document[end...].starts(with: "</".utf8) else { return nil }
            return unescaped(document[index..<end])
        }
        return nil
    }

    /// The five entities of XML 1.0 §4.6; others stay as they are.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let entities: [(name: String, byte: UInt8)] = [
            ("&lt;", UInt8(ascii: "<")), ("&gt;", UInt8(ascii: ">")), ("&amp;", UInt8(ascii: "&")),
            ("&quot;", UInt8(ascii: "\"")), ("&apos;", UInt8(ascii: "'")),
        ]
        var bytes: [UInt8] = []
        var rest = text
        while let first = rest.first {
            if let entity = entities.first(where: { rest.starts(with: $0.name.utf8) }) {
                bytes.append(entity.byte)
                rest = rest.dropFirst(entity.name.utf8.count)
            } else {
                bytes.append(first)
                rest = rest.dropFirst()
            }
        }
        return bytes
    }
}
