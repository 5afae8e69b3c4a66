import ByteParsing
import MailModel

/// RDATA and what a zone file writes for it; texts in one piece, without quotes.
package enum RecordData {
    /// RFC 1035 §3.3: a character-string has a length of one octet.
    static let longestString = 255

    /// nil for what is no value of that type, or of a type that is not known here.
    package static func octets(_ type: UInt16, _ value: String) -> [UInt8]? {
        let words = value.utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        switch type {
        case DNSNumber.a, DNSNumber.aaaa:
            guard let address = IPAddress(value), address.isIPv4 == (type == DNSNumber.a) else { return nil }
            return address.bytes
        case DNSNumber.cname: return WireName(value)?.octets
        case DNSNumber.mx: return words.count == 2 ? numbered(words, 1) : nil
        case DNSNumber.srv: return words.count == 4 ? numbered(words, 3) : nil
        case DNSNumber.txt: return strings(Array(value.utf8))
        case DNSNumber.tlsa:
            guard words.count == 4, let hash = Hexadecimal.octets(words[3]), !hash.isEmpty else { return nil }
            let numbers = words.prefix(3).compactMap { UInt8($0) }
            return numbers.count == 3 ? numbers + hash : nil
        default: return nil
        }
    }

    /// Numbers of two octets, then a name.
    private static func numbered(_ words: [String], _ count: Int) -> [UInt8]? {
        let numbers = words.prefix(count).compactMap { UInt16($0) }
        guard numbers.count == count, let name = words[count] == "." ? WireName(octets: [0]) : WireName(words[count])
        else { return nil }
        return numbers.flatMap(DNSMessage.octets) + name.octets
    }

    /// Strings of 255 octets at most, which readers join again (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
    private static func strings(_ bytes: [UInt8]) -> [UInt8]? {
        var output: [UInt8] = []
        var rest = bytes[...]
        repeat {
            let piece = rest.prefix(longestString)
            output.append(UInt8(piece.count))
            output += piece
            rest = rest.dropFirst(piece.count)
        } while !rest.isEmpty
        return output.count <= 65_535 ? output : nil
    }

    /// Names in lower case with the final dot; nil for what is no RDATA of that type, or of a type that is not known here.
    package static func text(_ type: UInt16, _ data: [UInt8]) -> String? {
        func number(_ place: Int) -> UInt16 { UInt16(data[place]) << 8 | UInt16(data[place + 1]) }
        func name(_ place: Int) -> String? {
            var reader = DNSReader(Array(data[place...]))
            guard let name = try? reader.name(), reader.place == reader.message.count else { return nil }
            return "\(name.text)."
        }
        switch type {
        case DNSNumber.a: return data.count == 4 ? IPAddress(bytes: data)?.description : nil
        case DNSNumber.aaaa: return data.count == 16 ? IPAddress(bytes: data)?.description : nil
        case DNSNumber.cname: return name(0)
        case DNSNumber.mx: return data.count > 2 ? name(2).map { "\(number(0)) \($0)" } : nil
        case DNSNumber.srv:
            return data.count > 6 ? name(6).map { "\(number(0)) \(number(2)) \(number(4)) \($0)" } : nil
        case DNSNumber.txt: return joined(data)
        case DNSNumber.tlsa:
            guard data.count > 3 else { return nil }
            return "\(data[0]) \(data[1]) \(data[2]) \(Hexadecimal.text(Array(data[3...])))"
        default: return nil
        }
    }

    private static func joined(_ data: [UInt8]) -> String? {
        var output: [UInt8] = []
        var rest = data[...]
        while let length = rest.popFirst() {
            guard rest.count >= length else { return nil }
            output += rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
        }
        return data.isEmpty ? nil : String(decoding: output, as: UTF8.self)
    }
}
