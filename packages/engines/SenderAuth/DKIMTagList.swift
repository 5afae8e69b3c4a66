import ByteParsing

/// `tag-list` of RFC 6376 §3.2: `tag=value` pairs between semicolons.
struct DKIMTagList: Sendable {
    private var values: [String: [UInt8]] = [:]
    /// Where the value of `b` lies in the parsed text, for taking it out.
    private(set) var signatureRange: Range<Int>?
    /// Names as they came.
    private(set) var names: [String] = []

    /// Tags of one list; more make it unreadable.
    static let maximumTags = 64

    /// nil when it breaks the grammar or names a tag twice ("Tags with duplicate names MUST NOT occur").
    init?(_ text: [UInt8]) {
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: ASCII.semicolon) ?? text.count
            defer { start = end + 1 }
            let item = Self.trimmed(text, start..<end)
            if item.isEmpty {
                // Only the end may be empty: `a=1; b=2;`.
                guard end == text.count || Self.trimmed(text, (end + 1)..<text.count).isEmpty else { return nil }
                continue
            }
            guard let equal = text[item].firstIndex(of: ASCII.equal) else { return nil }
            let name = text[Self.trimmed(text, item.lowerBound..<equal)]
            // tag-name = ALPHA *( ALPHA / DIGIT / "_" )
            guard name.first?.isASCIILetter == true, name.allSatisfy({ $0.isASCIIAlphanumeric || $0 == 95 }),
                names.count < Self.maximumTags
            else { return nil }
            let key = String(decoding: name, as: UTF8.self)
            let value = Self.trimmed(text, (equal + 1)..<item.upperBound)
            guard values.updateValue(Array(text[value]), forKey: key) == nil else { return nil }
            names.append(key)
            // RFC 6376 §3.5: taken out "including all surrounding whitespace".
            if key == "b" { signatureRange = (equal + 1)..<end }
        }
    }

    subscript(name: String) -> [UInt8]? { values[name] }

    func text(_ name: String) -> String? { values[name].map { String(decoding: $0, as: UTF8.self) } }

    /// The value without any white space (FWS may stand within base 64 and lists).
    func compact(_ name: String) -> [UInt8]? { values[name].map { $0.filter { !Self.isSpace($0) } } }

    /// Decimal digits, at most 18 of them.
    func number(_ name: String) -> Int64? {
        guard let digits = values[name], !digits.isEmpty, digits.count <= 18, digits.allSatisfy(\.isASCIIDigit) else {
            return nil
        }
        return Int64(String(decoding: digits, as: UTF8.self))
    }

    /// The items of a colon-separated list, in lower case.
    func list(_ name: String) -> [String]? {
        compact(name).map {
            $0.split(separator: ASCII.colon).map { String(decoding: $0.map(\.asciiLowercased), as: UTF8.self) }
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte.isASCIIWhitespace || byte == ASCII.cr || byte == ASCII.lf
    }

    private static func trimmed(_ text: [UInt8], _ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isSpace(text[start]) { start += 1 }
        while end > start, isSpace(text[end - 1]) { end -= 1 }
        return start..<end
    }
}
