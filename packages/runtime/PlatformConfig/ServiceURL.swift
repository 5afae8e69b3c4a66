/// `scheme://user:password@host:port/path`, as far as settings need it (RFC 3986 §3).
package struct ServiceURL: Equatable, Sendable {
    package var scheme: String
    package var user: String?
    package var password: String?
    /// Several between commas where the service takes that.
    package var host: String
    package var port: Int?
    /// Without the leading slash.
    package var path: String

    /// Nothing but scheme, host and port.
    var isBare: Bool { user == nil && password == nil && path.isEmpty }

    package init?(_ text: String, schemes: [String]) {
        let bytes = Array(text.utf8)
        guard let scheme = schemes.first(where: { bytes.starts(with: "\($0)://".utf8) }),
            bytes.allSatisfy({ $0 > 32 && $0 < 127 })
        else { return nil }
        self.scheme = scheme
        var rest = bytes[(scheme.utf8.count + 3)...]
        path = ""
        if let slash = rest.firstIndex(of: 47) {
            path = String(decoding: rest[(slash + 1)...], as: UTF8.self)
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: 64) {
            let parts = rest[..<at].split(separator: 58, maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]) else { return nil }
            user = name.isEmpty ? nil : name
            if parts.count == 2 {
                guard let word = Self.decoded(parts[1]) else { return nil }
                password = word
            }
            rest = rest[(at + 1)...]
        }
        if let colon = rest.lastIndex(of: 58), !rest[colon...].contains(93) {
            guard let number = Int(String(decoding: rest[(colon + 1)...], as: UTF8.self)), (1...65_535).contains(number)
            else { return nil }
            port = number
            rest = rest[..<colon]
        }
        if rest.first == 91, rest.last == 93 { rest = rest.dropFirst().dropLast() }
        guard !rest.isEmpty else { return nil }
        host = String(decoding: rest, as: UTF8.self)
    }

    /// Percent-decoded UTF-8; nil when it is none.
    private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
        var result: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            guard text[index] == 37 else {
                result.append(text[index])
                index += 1
                continue
            }
            guard index + 2 < text.endIndex,
                let byte = UInt8(String(decoding: text[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
            else { return nil }
            result.append(byte)
            index += 3
        }
        return String(validating: result, as: UTF8.self)
    }
}
