import ByteParsing

/// Content transfer encodings (RFC 2045 §6), tolerant: what cannot be decoded is passed over or left as it is.
package enum TransferDecoder {
    /// Octets outside the alphabet are passed over (RFC 2045 §6.8); padding ends the data, further data begins anew.
    package static func base64(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 4 * 3)
        var pending: UInt32 = 0
        var bits = 0
        for byte in text {
            guard let value = value(byte) else {
                if byte == ASCII.equal { (pending, bits) = (0, 0) }
                continue
            }
            pending = pending << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: pending >> UInt32(bits)))
                pending &= (1 << UInt32(bits)) - 1
            }
        }
        return output
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 65...90: byte - 65
        case 97...122: byte - 71
        case 48...57: byte + 4
        case 43: 62
        case 47: 63
        default: nil
        }
    }

    /// `=XX` decoded, soft line breaks removed, white space at line ends dropped (RFC 2045 §6.7).
    package static func quotedPrintable(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte == ASCII.equal {
                if index + 2 < text.endIndex, let high = text[index + 1].hexDigitValue,
                    let low = text[index + 2].hexDigitValue
                {
                    output.append(high << 4 | low)
                    index += 3
                    continue
                }
                var end = index + 1
                while end < text.endIndex, text[end].isASCIIWhitespace { end += 1 }
                if end < text.endIndex, text[end] == ASCII.cr { end += 1 }
                if end < text.endIndex, text[end] == ASCII.lf {
                    index = end + 1
                    continue
                }
                if end >= text.endIndex { break }
            } else if byte.isASCIIWhitespace {
                var end = index
                while end < text.endIndex, text[end].isASCIIWhitespace { end += 1 }
                if end < text.endIndex,
                    text[end] == ASCII.lf
                        || (text[end] == ASCII.cr && end + 1 < text.endIndex && text[end + 1] == ASCII.lf)
                {
                    index = end
                    continue
                }
                output += text[index..<end]
                index = end
                continue
            }
            output.append(byte)
            index += 1
        }
        return output
    }
}
