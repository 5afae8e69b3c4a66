import MailPorts

/// Writes records as a zone file does (RFC 1035 §5): one a line, names absolute.
enum ZoneFile {
    /// RFC 1035 §3.3: a character-string has "up to 256 characters" with its length octet.
    private static let longestString = 255

    static func text(_ records: [DomainRecord]) -> String {
        var output = ""
        for record in records {
            output += "\(record.name).\t\(record.ttl)\tIN\t\(record.kind.rawValue)\t\(value(of: record))\n"
        }
        return output
    }

    private static func value(of record: DomainRecord) -> String {
        switch record.kind {
        case .txt: quoted(record.value)
        case .mx, .srv, .cname, .a, .aaaa, .tlsa: record.value
        }
    }

    /// Strings of at most 255 octets, each in quotes; resolvers' clients join them again (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
    static func quoted(_ value: String) -> String {
        var output: [UInt8] = [UInt8(ascii: "\"")]
        var length = 0
        for byte in value.utf8 {
            if length == longestString {
                output += Array("\" \"".utf8)
                length = 0
            }
            length += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output += [UInt8(ascii: "\\"), byte]
            case 32...126:
                output.append(byte)
            default:
                // RFC 1035 §5.1: \DDD stands for the octet of that decimal number.
                output += [UInt8(ascii: "\\"), 48 + byte / 100, 48 + byte / 10 % 10, 48 + byte % 10]
            }
        }
        output.append(UInt8(ascii: "\""))
        return String(decoding: output, as: UTF8.self)
    }
}
