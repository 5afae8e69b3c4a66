/// A domain name as messages carry it, without compression (RFC 1035 §3.1), ASCII letters in lower case (RFC 4343 §3).
package struct WireName: Hashable, Sendable {
    /// RFC 1035 §3.1: "restricted to 255 octets or less".
    static let longest = 255
    static let longestLabel = 63

    package let octets: [UInt8]

    /// Octets that are known to be a name.
    init(octets: [UInt8]) { self.octets = octets }

    /// Reads labels of visible ASCII between dots; a final dot may be there.
    ///
    /// Nothing is escaped, so no label has a dot.
    package init?(_ text: String) {
        let bytes = text.utf8.last == UInt8(ascii: ".") ? text.utf8.dropLast() : text.utf8[...]
        guard !bytes.isEmpty else { return nil }
        var octets: [UInt8] = []
        for label in bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...Self.longestLabel).contains(label.count), label.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 92 })
            else { return nil }
            octets.append(UInt8(label.count))
            octets += label.map(Self.lowercased)
        }
        octets.append(0)
        guard octets.count <= Self.longest else { return nil }
        self.octets = octets
    }

    /// Without the final dot; dots within labels and what is not visible as `\DDD` (RFC 1035 §5.1).
    ///
    /// Empty for the root.
    package var text: String {
        var output: [UInt8] = []
        var rest = octets[...]
        while let length = rest.popFirst(), length > 0 {
            if !output.isEmpty { output.append(UInt8(ascii: ".")) }
            for byte in rest.prefix(Int(length)) {
                if byte > 32, byte < 127, byte != UInt8(ascii: "."), byte != UInt8(ascii: "\\") {
                    output.append(byte)
                } else {
                    output += [UInt8(ascii: "\\"), 48 + byte / 100, 48 + byte / 10 % 10, 48 + byte % 10]
                }
            }
            rest = rest.dropFirst(Int(length))
        }
        return String(decoding: output, as: UTF8.self)
    }

    static func lowercased(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte + 32 : byte }
}
