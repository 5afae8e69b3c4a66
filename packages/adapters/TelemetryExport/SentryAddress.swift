/// Where events go: a DSN, `https://PUBLICKEY@host[:port][/path]/PROJECT`.
package struct SentryAddress: Sendable {
    /// Of the envelope endpoint.
    package let url: String
    let publicKey: String

    /// nil when the text is no DSN.
    package init?(_ dsn: String) {
        let bytes = Array(dsn.utf8)
        guard bytes.allSatisfy({ $0 > 32 && $0 < 127 }),
            let scheme = ["https://", "http://"].first(where: { bytes.starts(with: $0.utf8) })
        else { return nil }
        let rest = bytes.dropFirst(scheme.utf8.count)
        guard let at = rest.firstIndex(of: UInt8(ascii: "@")), let slash = rest.lastIndex(of: UInt8(ascii: "/")),
            at < slash
        else { return nil }
        // An older DSN has a second key behind a colon, which is not used any more.
        let key = rest[..<at].prefix { $0 != UInt8(ascii: ":") }
        let place = rest[(at + 1)..<slash]
        let project = rest[(slash + 1)...]
        let isWord = { (byte: UInt8) in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        guard !key.isEmpty, key.allSatisfy(isWord), !project.isEmpty, project.allSatisfy(isWord), !place.isEmpty,
            place.first != UInt8(ascii: "/"), !place.contains(UInt8(ascii: "@"))
        else { return nil }
        publicKey = String(decoding: key, as: UTF8.self)
        url =
            scheme + String(decoding: place, as: UTF8.self) + "/api/" + String(decoding: project, as: UTF8.self)
            + "/envelope/"
    }
}
