import ByteParsing

/// A header field that is folded as it grows, lines of at most 78 octets (RFC 5322 §2.1.1).
struct FoldedField {
    private(set) var bytes: [UInt8]
    private let nameLength: Int
    private var column: Int
    private static let width = 78

    /// - Parameter name: with its colon.
    init(_ name: String) {
        bytes = Array(name.utf8)
        nameLength = bytes.count
        column = bytes.count
    }

    /// What follows the colon.
    var value: ArraySlice<UInt8> { bytes[nameLength...] }

    /// A word on this line or the next; `glued` without a space before it.
    mutating func append(_ word: String, glued: Bool = false) {
        let length = word.utf8.count + (glued ? 0 : 1)
        if column + length > Self.width {
            fold()
        } else if !glued {
            bytes.append(ASCII.space)
            column += 1
        }
        bytes += Array(word.utf8)
        column += word.utf8.count
    }

    /// Base 64 behind what is there, broken anywhere.
    mutating func append(base64 text: [UInt8]) {
        for byte in text {
            if column >= Self.width { fold() }
            bytes.append(byte)
            column += 1
        }
    }

    private mutating func fold() {
        bytes += [ASCII.cr, ASCII.lf, ASCII.tab]
        column = 1
    }
}
