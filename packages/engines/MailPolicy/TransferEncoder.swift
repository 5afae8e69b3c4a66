import ByteParsing

/// Writes transfer encodings of text (RFC 2045 §6).
enum TransferEncoder {
    /// RFC 2045 §6.7: lines of at most 76 octets; CR LF are line ends, alone they are data.
    static func quotedPrintable(_ text: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        output.reserveCapacity(text.count + text.count / 8)
        var column = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == ASCII.cr, index + 1 < text.count, text[index + 1] == ASCII.lf {
                output += [ASCII.cr, ASCII.lf]
                column = 0
                index += 2
                continue
            }
            let isAtLineEnd =
                index + 1 == text.count
                || (text[index + 1] == ASCII.cr && index + 2 < text.count && text[index + 2] == ASCII.lf)
            let isPlain =
                byte.isASCIIWhitespace
                ? !isAtLineEnd : byte > 32 && byte < 127 && byte != ASCII.equal
            let width = isPlain ? 1 : 3
            // One column is kept for the sign of a soft line break.
            if column + width > 75 {
                output += [ASCII.equal, ASCII.cr, ASCII.lf]
                column = 0
            }
            if isPlain {
                output.append(byte)
            } else {
                output += [ASCII.equal, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
            column += width
            index += 1
        }
        return output
    }

    /// RFC 2045 §6.8: lines of 76 octets.
    static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let whole = Base64.encode(bytes)
        var output: [UInt8] = []
        output.reserveCapacity(whole.count + whole.count / 38)
        for start in stride(from: 0, to: whole.count, by: 76) {
            output += whole[start..<min(whole.count, start + 76)]
            output += [ASCII.cr, ASCII.lf]
        }
        return output
    }
}
