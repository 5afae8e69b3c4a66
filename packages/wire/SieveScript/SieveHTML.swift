import ByteParsing

/// The text of HTML for tests that look for words: without marks, comments, scripts and styles, in time that grows with
/// its length.
enum SieveHTML {
    private static let entities: [String: [UInt8]] = [
        "amp": [38], "lt": [60], "gt": [62], "quot": [34], "apos": [39], "nbsp": [32],
    ]

    static func text(of html: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(html.count)
        var index = 0
        while index < html.count {
            switch html[index] {
            case ASCII.less where isMark(html, index): index = end(of: html, index)
            case UInt8(ascii: "&"):
                let (bytes, next) = entity(html, index)
                output += bytes
                index = next
            default:
                output.append(html[index])
                index += 1
            }
        }
        return output
    }

    private static func isMark(_ html: [UInt8], _ index: Int) -> Bool {
        guard index + 1 < html.count else { return false }
        return html[index + 1].isASCIILetter || "/!?".utf8.contains(html[index + 1])
    }

    /// Behind the mark at that index, and behind what a script or style holds.
    private static func end(of html: [UInt8], _ start: Int) -> Int {
        let rest = html[start...]
        if rest.starts(with: "<!--".utf8) { return behind("-->", html, start + 4) }
        guard let close = rest.firstIndex(of: ASCII.greater) else { return html.count }
        for name in ["script", "style"]
        where rest.dropFirst().prefix(name.utf8.count).equalsIgnoringASCIICase(name.utf8) {
            let after = start + 1 + name.utf8.count
            guard after < html.count, !html[after].isASCIIAlphanumeric else { continue }
            return behind(">", html, behind("</" + name, html, close + 1))
        }
        return close + 1
    }

    /// Behind the first of those octets from there on; the end when they do not come.
    private static func behind(_ text: String, _ html: [UInt8], _ start: Int) -> Int {
        let key = Array(text.utf8)
        var index = start
        while index + key.count <= html.count {
            if html[index..<(index + key.count)].equalsIgnoringASCIICase(key) { return index + key.count }
            index += 1
        }
        return html.count
    }

    /// The character that `&name;` or `&#number;` is; the octet itself when it is none.
    private static func entity(_ html: [UInt8], _ start: Int) -> ([UInt8], Int) {
        let body = html[(start + 1)...].prefix(10)
        guard let end = body.firstIndex(of: ASCII.semicolon) else { return ([html[start]], start + 1) }
        let name = String(decoding: body[..<end], as: UTF8.self)
        if let bytes = entities[name] { return (bytes, end + 1) }
        guard name.utf8.first == UInt8(ascii: "#") else { return ([html[start]], start + 1) }
        let digits = name.utf8.dropFirst()
        let isHex = digits.first.map { $0 | 32 } == UInt8(ascii: "x")
        let text = String(decoding: isHex ? Array(digits.dropFirst()) : Array(digits), as: UTF8.self)
        guard let value = UInt32(text, radix: isHex ? 16 : 10), value > 0, let scalar = Unicode.Scalar(value) else {
            return ([html[start]], start + 1)
        }
        return (Array(String(Character(scalar)).utf8), end + 1)
    }
}
