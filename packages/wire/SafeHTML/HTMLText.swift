import ByteParsing

/// Text in HTML, octet by octet.
package enum HTMLText {
    private static let named: [(name: [UInt8], text: [UInt8])] = [
        ("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("nbsp", "\u{A0}"),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }

    /// The text that a reference at the start stands for, and its octets; `&` and 1 for what is none that is known.
    static func reference(in text: ArraySlice<UInt8>) -> (text: [UInt8], length: Int) {
        let none = ([UInt8(ascii: "&")], 1)
        let inside = text.dropFirst().prefix(12)
        guard let end = inside.firstIndex(of: ASCII.semicolon) else { return none }
        let name = inside[..<end]
        let length = name.count + 2
        if let known = named.first(where: { $0.name.elementsEqual(name) }) { return (known.text, length) }
        guard name.first == UInt8(ascii: "#"), name.count > 1 else { return none }
        var digits = name.dropFirst()
        let isHexadecimal = digits.first == UInt8(ascii: "x") || digits.first == UInt8(ascii: "X")
        if isHexadecimal { digits = digits.dropFirst() }
        var number: UInt32 = 0
        for digit in digits {
            guard let value = digit.hexDigitValue, isHexadecimal || value < 10, number < 0x11_0000 else { return none }
            number = number * (isHexadecimal ? 16 : 10) + UInt32(value)
        }
        guard !digits.isEmpty, let scalar = Unicode.Scalar(number) else { return none }
        return (Array(String(Character(scalar)).utf8), length)
    }

    /// The octets with references resolved.
    static func plain(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "&") {
                let (resolved, length) = reference(in: text[index...])
                output += resolved
                index += length
            } else {
                output.append(text[index])
                index += 1
            }
        }
        return output
    }

    /// For text and for values in double quotes; control characters but tab and line ends are left out.
    package static func escape(_ text: some Sequence<UInt8>, into output: inout [UInt8]) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "&"): output += "&amp;".utf8
            case ASCII.less: output += "&lt;".utf8
            case ASCII.greater: output += "&gt;".utf8
            case ASCII.quote: output += "&quot;".utf8
            case UInt8(ascii: "'"): output += "&#39;".utf8
            case ASCII.tab, ASCII.lf, ASCII.cr: output.append(byte)
            case 0..<32, ASCII.delete: ()
            default: output.append(byte)
            }
        }
    }

    /// What HTML shows, without its markup.
    package static func shown(_ html: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var index = 0
        while index < html.count {
            if html[index] == ASCII.less {
                while index < html.count, html[index] != ASCII.greater { index += 1 }
                index += 1
            } else {
                text.append(html[index])
                index += 1
            }
        }
        return plain(text[...])
    }

    /// Octets over 127 as references, so that the text is the same in every charset that holds ASCII.
    package static func ascii(_ html: String) -> [UInt8] {
        html.unicodeScalars.flatMap { scalar -> [UInt8] in
            scalar.isASCII ? [UInt8(scalar.value)] : Array("&#\(scalar.value);".utf8)
        }
    }

    /// Lines of text as HTML.
    package static func html(ofLines lines: [[UInt8]]) -> [UInt8] {
        var output: [UInt8] = []
        for (place, line) in lines.enumerated() {
            if place > 0 { output += "<br>\r\n".utf8 }
            escape(line, into: &output)
        }
        return output
    }
}
