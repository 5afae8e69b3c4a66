import ByteParsing
import Glibc

/// Text in any charset to Unicode, by the C library's iconv; unknown charsets and broken octets never fail.
package enum CharsetDecoder {
    /// Octets that one call converts; longer text is cut.
    package static let maximumLength = 16 << 20

    package static func decode(_ bytes: [UInt8], charset: String) -> String {
        let name = charset.utf8.map(\.asciiLowercased)
        if name.isEmpty || name.elementsEqual("utf-8".utf8) || name.elementsEqual("us-ascii".utf8)
            || name.elementsEqual("utf8".utf8)
        {
            return decodeUnlabelled(bytes)
        }
        guard bytes.contains(where: { $0 >= 128 || $0 == 0x1B || $0 == ASCII.plus || $0 == ASCII.tilde || $0 == 0 })
        else {
            return String(decoding: bytes, as: UTF8.self)
        }
        return convert(bytes, from: String(decoding: name, as: UTF8.self)) ?? decodeUnlabelled(bytes)
    }

    /// Whether SEARCH may name it.
    package static func isKnown(_ charset: String) -> Bool { !charset.isEmpty && convert([65], from: charset) == "A" }

    /// UTF-8 where it is valid, Latin 1 otherwise.
    private static func decodeUnlabelled(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return String(decoding: bytes.map { UInt16($0) }, as: UTF16.self)
    }

    private static func convert(_ bytes: [UInt8], from charset: String) -> String? {
        guard charset.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0 == 45 || $0 == 95 || $0 == 58 || $0 == 46 }),
            charset.utf8.count <= 40
        else { return nil }
        // What mail calls by these names is the superset.
        let actual =
            ["gb2312": "gb18030", "iso-8859-1": "windows-1252", "ks_c_5601-1987": "cp949", "shift_jis": "cp932"][
                charset
            ] ?? charset
        guard let handle = unsafe iconv_open("UTF-8", actual), unsafe handle != iconv_t(bitPattern: -1) else {
            return nil
        }
        defer { unsafe iconv_close(handle) }
        var input = Array(bytes.prefix(maximumLength))
        var output = [UInt8](repeating: 0, count: min(input.count * 2 + 64, 4 << 20))
        var text: [UInt8] = []
        unsafe input.withUnsafeMutableBytes { source in
            unsafe output.withUnsafeMutableBytes { target in
                var from = unsafe source.baseAddress?.assumingMemoryBound(to: CChar.self)
                var fromLeft = source.count
                while true {
                    var to = unsafe target.baseAddress?.assumingMemoryBound(to: CChar.self)
                    var toLeft = target.count
                    let result = unsafe iconv(handle, &from, &fromLeft, &to, &toLeft)
                    let cause = errno
                    unsafe text.append(contentsOf: target[..<(target.count - toLeft)])
                    if result != Int.max, result != -1 { return }
                    if result == -1 || result == Int.max, cause == E2BIG { continue }
                    guard fromLeft > 0 else { return }
                    // A broken octet: U+FFFD, and on behind it.
                    text += [0xEF, 0xBF, 0xBD]
                    unsafe from = from.map { unsafe $0 + 1 }
                    fromLeft -= 1
                    if fromLeft == 0 { return }
                }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
