/// What the first octets of a picture say: PNG, JPEG and WebP are known, by their own octets and not by what they are called.
///
/// SVG is a document that can act, and is none.
package struct PictureHeader: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case png = "image/png"
        case jpeg = "image/jpeg"
        case webp = "image/webp"
    }

    package let kind: Kind
    /// Pixels.
    package let width: Int
    package let height: Int

    /// nil for what is no such picture, or is cut short within its header.
    package init?(_ bytes: [UInt8]) {
        let size: (width: Int, height: Int)?
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            (kind, size) = (.png, Self.pngSize(bytes))
        } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            (kind, size) = (.jpeg, Self.jpegSize(bytes))
        } else if bytes.count >= 30, bytes[..<4].elementsEqual("RIFF".utf8), bytes[8..<12].elementsEqual("WEBP".utf8) {
            (kind, size) = (.webp, Self.webpSize(bytes))
        } else {
            return nil
        }
        guard let size else { return nil }
        (width, height) = size
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
    private static func littleEndian(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// The first chunk is IHDR: length, name, width, height.
    private static func pngSize(_ bytes: [UInt8]) -> (width: Int, height: Int)? {
        guard bytes.count >= 33, bytes[12..<16].elementsEqual("IHDR".utf8) else { return nil }
        return (number(bytes[16..<20]), number(bytes[20..<24]))
    }

    /// From the start of its frame: segments of a marker and a length lead there.
    private static func jpegSize(_ bytes: [UInt8]) -> (width: Int, height: Int)? {
        var position = 2
        while position + 9 < bytes.count, bytes[position] == 0xFF {
            let marker = bytes[position + 1]
            if marker == 0xFF {
                position += 1
                continue
            }
            let isFrame = (0xC0...0xCF).contains(marker) && ![0xC4, 0xC8, 0xCC].contains(marker)
            if isFrame {
                return (
                    number(bytes[(position + 7)..<(position + 9)]), number(bytes[(position + 5)..<(position + 7)])
                )
            }
            let length = number(bytes[(position + 2)..<(position + 4)])
            guard length >= 2, marker != 0xDA else { return nil }
            position += 2 + length
        }
        return nil
    }

    /// The first chunk tells: `VP8 ` is lossy, `VP8L` lossless, `VP8X` has a canvas.
    private static func webpSize(_ bytes: [UInt8]) -> (width: Int, height: Int)? {
        switch String(decoding: bytes[12..<16], as: UTF8.self) {
        case "VP8 ":
            guard bytes[23..<26].elementsEqual([0x9D, 0x01, 0x2A]) else { return nil }
            return (littleEndian(bytes[26..<28]) & 0x3FFF, littleEndian(bytes[28..<30]) & 0x3FFF)
        case "VP8L":
            guard bytes[20] == 0x2F else { return nil }
            let bits = littleEndian(bytes[21..<25])
            return ((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
        case "VP8X": return (littleEndian(bytes[24..<27]) + 1, littleEndian(bytes[27..<30]) + 1)
        default: return nil
        }
    }
}
