/// What a client sends to sign in by an access token.
struct BearerMessage {
    /// Octets of a token (RFC 4954 §4.5 allows lines of 12,288 in base 64).
    static let maximumToken = 8_192
    static let maximumMessage = maximumToken + 1_024

    var authorizationID: String?
    var token: Secret

    // RFC 7628 §3.1:
    // client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep
    // kvpair = key "=" value kvsep
    static func oauthBearer(_ message: [UInt8]) throws(SASLExchange.Failure) -> BearerMessage {
        guard message.count <= maximumMessage else { throw .tooLong }
        let fields = message.split(separator: 1, omittingEmptySubsequences: false)
        guard fields.count >= 4, fields[fields.count - 1].isEmpty, fields[fields.count - 2].isEmpty else {
            throw .malformed
        }
        let header = fields[0].split(separator: 44, omittingEmptySubsequences: false)
        guard header.count == 3, header[0] == [110] || header[0] == [121], header[2].isEmpty else { throw .malformed }
        var authorization: String?
        if !header[1].isEmpty {
            guard header[1].starts(with: Array("a=".utf8)) else { throw .malformed }
            authorization = try SASLText.name(SCRAMExchange.unescaped(header[1].dropFirst(2))[...])
        }
        return BearerMessage(authorizationID: authorization, token: try token(fields[1..<(fields.count - 2)]))
    }

    // "user=" name ^A "auth=Bearer " token ^A ^A
    static func xoauth2(_ message: [UInt8]) throws(SASLExchange.Failure) -> BearerMessage {
        guard message.count <= maximumMessage else { throw .tooLong }
        let fields = message.split(separator: 1, omittingEmptySubsequences: false)
        guard fields.count == 4, fields[2].isEmpty, fields[3].isEmpty, fields[0].starts(with: Array("user=".utf8))
        else {
            throw .malformed
        }
        let user = try SASLText.name(fields[0].dropFirst(5))
        return BearerMessage(authorizationID: user, token: try token(fields[1...1]))
    }

    /// The one `auth`; `host`, `port` and unknown keys are passed over (RFC 7628 §3.1: "MUST be ignored").
    private static func token(_ fields: ArraySlice<ArraySlice<UInt8>>) throws(SASLExchange.Failure) -> Secret {
        var found: Secret?
        for field in fields {
            guard let equals = field.firstIndex(of: 61),
                field[..<equals].allSatisfy({ (65...90).contains($0 & 0xDF) })
            else { throw .malformed }
            guard field[..<equals].elementsEqual("auth".utf8) else { continue }
            let value = field[(equals + 1)...]
            let scheme = Array("bearer ".utf8)
            // RFC 9110 §11.1: the scheme in any case of letters. RFC 6750 §2.1: b64token.
            guard found == nil, value.count > scheme.count, zip(value, scheme).allSatisfy({ $0 | 0x20 == $1 }) else {
                throw .malformed
            }
            let token = value.dropFirst(scheme.count)
            guard token.count <= maximumToken else { throw .tooLong }
            guard token.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .malformed }
            found = Secret(Array(token))
        }
        guard let found else { throw .malformed }
        return found
    }
}
