import FoundationEssentials

/// Texts of a JSON document that hold NUL, which no store keeps in a text and no protocol of mail sends in one.
package enum NULInJSON {
    /// Without regard to what a document means: any value.
    private indirect enum Value: Decodable {
        case text(String)
        case list([Value])
        case members([String: Value])
        case other

        init(from decoder: any Decoder) {
            if let members = try? decoder.container(keyedBy: AnyKey.self) {
                var found: [String: Value] = [:]
                for key in members.allKeys { found[key.stringValue] = try? members.decode(Value.self, forKey: key) }
                self = .members(found)
            } else if var list = try? decoder.unkeyedContainer() {
                var found: [Value] = []
                while !list.isAtEnd {
                    if (try? list.decodeNil()) == true {
                        found.append(.other)
                    } else if let value = try? list.decode(Value.self) {
                        found.append(value)
                    } else {
                        break
                    }
                }
                self = .list(found)
            } else if let text = try? decoder.singleValueContainer().decode(String.self) {
                self = .text(text)
            } else {
                self = .other
            }
        }

        /// The way to the first NUL.
        var pathOfNUL: [String]? {
            switch self {
            case .text(let text): return text.utf8.contains(0) ? [] : nil
            case .list(let values):
                for (place, value) in values.enumerated() {
                    if let path = value.pathOfNUL { return ["\(place)"] + path }
                }
                return nil
            case .members(let members):
                for (name, value) in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                    guard !name.utf8.contains(0) else { return [] }
                    if let path = value.pathOfNUL { return [name] + path }
                }
                return nil
            case .other: return nil
            }
        }
    }

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// The members and places that lead to the first text with NUL; nil where there is none.
    package static func path(in document: [UInt8]) -> [String]? {
        // RFC 8259 §7: in a string it can only be written so.
        guard contains(Array("\\u0000".utf8), document) else { return nil }
        return (try? JSONDecoder().decode(Value.self, from: Data(document)))?.pathOfNUL
    }

    private static func contains(_ part: [UInt8], _ bytes: [UInt8]) -> Bool {
        guard bytes.count >= part.count else { return false }
        return (0...(bytes.count - part.count)).contains { start in
            bytes[start] == part[0] && bytes[start..<(start + part.count)].elementsEqual(part)
        }
    }
}
