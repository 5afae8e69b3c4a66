/// How deep a JSON text nests, without reading it as JSON.
enum JSONDepth {
    /// Objects and arrays within each other; no document of ours needs more than three.
    static let limit = 16

    /// Whether arrays and objects are open more than `limit` deep at once.
    ///
    /// Brackets in strings do not count.
    static func isExceeded(_ bytes: [UInt8], limit: Int = limit) -> Bool {
        var (depth, isText, isEscaped) = (0, false, false)
        for byte in bytes {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if byte == 92 {
                    isEscaped = true
                } else if byte == 34 {
                    isText = false
                }
                continue
            }
            switch byte {
            case 34: isText = true
            case 91, 123:
                depth += 1
                if depth > limit { return true }
            case 93, 125: depth -= 1
            default: ()
            }
        }
        return false
    }
}
