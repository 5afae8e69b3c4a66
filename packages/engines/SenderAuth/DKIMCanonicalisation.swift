import ByteParsing
import MessageFormat

/// RFC 6376 §3.4: how much a message may change on its way.
package enum DKIMCanonicalisation: String, Sendable, CaseIterable {
    case simple, relaxed

    /// One field as it is hashed, its CRLF included.
    func field(_ field: HeaderField, of message: [UInt8]) -> [UInt8] {
        switch self {
        case .simple:
            // RFC 6376 §3.4.1: "does not change header fields in any way".
            Array(message[field.line])
        case .relaxed:
            Self.relaxed(name: message[field.name], value: message[field.value])
        }
    }

    /// RFC 6376 §3.4.2: name in lower case, unfolded, white space reduced to one space and none around the value.
    static func relaxed(name: some Collection<UInt8>, value: some Collection<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(name.count + value.count + 3)
        for byte in name { output.append(byte.asciiLowercased) }
        output.append(ASCII.colon)
        let start = output.count
        var hasPendingSpace = false
        for byte in value {
            if byte.isASCIIWhitespace || byte == ASCII.cr || byte == ASCII.lf {
                hasPendingSpace = true
                continue
            }
            if hasPendingSpace, output.count > start { output.append(ASCII.space) }
            hasPendingSpace = false
            output.append(byte)
        }
        output += [ASCII.cr, ASCII.lf]
        return output
    }
}
