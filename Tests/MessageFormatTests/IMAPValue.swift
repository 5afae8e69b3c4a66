import Foundation

/// A parsed IMAP parenthesised list, or the JSON that stands for one.
indirect enum IMAPValue: Equatable, CustomStringConvertible {
    case null
    case number(Int)
    case text(String)
    case list([IMAPValue])

    var items: [IMAPValue] {
        if case .list(let items) = self { return items }
        return []
    }

    var isList: Bool {
        if case .list = self { return true }
        return false
    }

    var description: String {
        switch self {
        case .null: "NIL"
        case .number(let number): "\(number)"
        case .text(let text): "\"\(text)\""
        case .list(let items): "(" + items.map(\.description).joined(separator: " ") + ")"
        }
    }

    /// From JSON.
    init(json: Any?) {
        switch json {
        case let number as NSNumber: self = .number(number.intValue)
        case let text as String: self = .text(text)
        case let items as [Any]: self = .list(items.map { IMAPValue(json: $0) })
        default: self = .null
        }
    }

    /// From what IMAP prints; nil when that breaks the grammar.
    init?(imap bytes: [UInt8]) {
        var rest = bytes[...]
        guard let value = Self.parse(&rest), rest.isEmpty else { return nil }
        self = value
    }

    private static func parse(_ rest: inout ArraySlice<UInt8>) -> IMAPValue? {
        guard let first = rest.first else { return nil }
        switch first {
        case UInt8(ascii: "("):
            rest.removeFirst()
            var items: [IMAPValue] = []
            while rest.first != UInt8(ascii: ")") {
                // Adjacent bodies have no space between them.
                if !items.isEmpty, rest.first == 32 { rest.removeFirst() }
                guard let item = parse(&rest) else { return nil }
                items.append(item)
            }
            rest.removeFirst()
            return .list(items)
        case UInt8(ascii: "\""):
            rest.removeFirst()
            var text: [UInt8] = []
            while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                guard byte < 127, byte != 13, byte != 10 else { return nil }
                guard byte == UInt8(ascii: "\\") else {
                    text.append(byte)
                    continue
                }
                guard let next = rest.popFirst() else { return nil }
                text.append(next)
            }
            return .text(latin1(text))
        case UInt8(ascii: "{"):
            let digits = rest.dropFirst().prefix { $0 != UInt8(ascii: "}") }
            guard let count = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
            rest = rest.dropFirst(digits.count + 4)
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return .text(latin1(Array(rest.prefix(count))))
        default:
            let word = rest.prefix { $0 != 32 && $0 != UInt8(ascii: ")") && $0 != UInt8(ascii: "(") }
            rest = rest.dropFirst(word.count)
            let text = String(decoding: word, as: UTF8.self)
            return text == "NIL" ? .null : Int(text).map { .number($0) }
        }
    }

    /// Octets as Latin 1, runs of white space as one space.
    private static func latin1(_ bytes: [UInt8]) -> String {
        let words = bytes.split { $0 <= 32 }.map { String(decoding: $0.map { UInt16($0) }, as: UTF16.self) }
        return words.joined(separator: " ")
    }
}
