import ByteParsing
import MessageFormat

/// Octets that take the place of others.
struct Edit {
    var range: Range<Int>
    var bytes: [UInt8]
}

/// The charset of a text part, as far as appending to it goes.
struct TextCharset {
    let name: String
    let isUTF8: Bool
    /// Whether ASCII in it is ASCII.
    let holdsASCII: Bool

    init(_ given: String?, _ body: [UInt8]) {
        let name = given ?? "us-ascii"
        let isPlain = ["us-ascii", "ascii", "utf-8", "utf8"].contains(name)
        self.name = name
        isUTF8 =
            isPlain
            && (name.utf8.starts(with: "utf".utf8) || body.allSatisfy { $0 < 128 }
                || String(validating: body, as: UTF8.self) != nil)
        let families = ["iso-8859-", "windows-125", "cp125", "koi8-", "macintosh", "gb", "big5", "euc-", "tis-620"]
        holdsASCII = isPlain || families.contains { name.utf8.starts(with: $0.utf8) }
    }
}

/// Puts another text into a part, with the header that tells how it is written.
struct PartRewriter {
    /// RFC 5322 §2.1.1.
    private static let longestLine = 998

    /// Without transfer encoding.
    var body: [UInt8]
    /// nil: as it was.
    var newCharset: String?

    func edits(of part: BodyPart, in bytes: [UInt8], isRoot: Bool) -> [Edit] {
        let before = part.transferEncoding(in: bytes).map { String(decoding: $0, as: UTF8.self) } ?? "7bit"
        let (encoding, written) = encoded(before)
        var edits = [Edit(range: part.bodyRange, bytes: written)]
        var added: [UInt8] = []
        if encoding != before {
            replace("content-transfer-encoding", "Content-Transfer-Encoding: \(encoding)", part, bytes, &edits, &added)
        }
        if let newCharset {
            replace("content-type", Self.contentType(part, newCharset), part, bytes, &edits, &added)
        }
        if isRoot, !added.isEmpty, !part.has("mime-version", in: bytes) { added += "MIME-Version: 1.0\r\n".utf8 }
        let start = part.headerRange.lowerBound
        if !added.isEmpty { edits.append(Edit(range: start..<start, bytes: added)) }
        return edits
    }

    private func encoded(_ before: String) -> (String, [UInt8]) {
        switch before {
        case "base64": return (before, TransferEncoder.base64(body))
        case "quoted-printable": return (before, TransferEncoder.quotedPrintable(body))
        default:
            let mayBe8Bit = before == "8bit" || before == "binary"
            let fits = body.split(separator: ASCII.lf, omittingEmptySubsequences: false).allSatisfy {
                $0.count <= Self.longestLine
            }
            guard fits, mayBe8Bit || body.allSatisfy({ $0 < 128 }) else {
                return ("quoted-printable", TransferEncoder.quotedPrintable(body))
            }
            return (before, body)
        }
    }

    /// The field in the place of those of its name, or among those that are added.
    private func replace(
        _ name: String,
        _ field: String,
        _ part: BodyPart,
        _ bytes: [UInt8],
        _ edits: inout [Edit],
        _ added: inout [UInt8]
    ) {
        let known = part.fields.fields.filter { bytes[$0.name].equalsIgnoringASCIICase(Array(name.utf8)) }
        for old in known { edits.append(Edit(range: old.line, bytes: [])) }
        added += Array("\(field)\r\n".utf8)
    }

    /// The type with every other parameter as it was.
    private static func contentType(_ part: BodyPart, _ charset: String) -> String {
        var field = "Content-Type: \(part.typeName); charset=\(charset)"
        for parameter in part.contentType.parameters where !parameter.name.elementsEqual("charset".utf8) {
            var value: [UInt8] = []
            for byte in parameter.value where byte >= 32 && byte != 127 {
                if byte == ASCII.quote || byte == ASCII.backslash { value.append(ASCII.backslash) }
                value.append(byte)
            }
            let name = String(decoding: parameter.name, as: UTF8.self)
            field += ";\r\n\t\(name)=\"\(String(decoding: value, as: UTF8.self))\""
        }
        return field
    }
}

extension BodyPart {
    fileprivate func has(_ name: StaticString, in bytes: [UInt8]) -> Bool {
        fields.fields.contains { bytes[$0.name].equalsIgnoringASCIICase(name) }
    }
}
