package import MailModel

/// What an access token of a client says (RFC 9068 §2.2), after its signature was verified.
///
/// Of another type, issuer and audience than the platform's own: none is ever taken for the other.
package struct ClientClaims: Equatable, Sendable {
    /// `typ` (RFC 9068 §2.1).
    static let type = "at+jwt"

    /// The provider's address; also the audience.
    package var issuer: String
    package var account: AccountID
    package var client: String
    package var scopes: [String]
    package var issuedAt: Timestamp
    package var expiresAt: Timestamp
    package var tokenID: String
    /// The session that it came from.
    package var family: String
}

extension ClientClaims {
    /// The JSON payload.
    ///
    /// Every text in it needs no escapes: base64url, numbers, an address that was checked, names of scopes.
    var payload: [UInt8] {
        Array(
            """
            {"iss":"\(issuer)","sub":"\(account)","aud":"\(issuer)","exp":\(expiresAt.seconds),"iat":\(issuedAt.seconds),\
            "jti":"\(tokenID)","client_id":"\(client)","scope":"\(scopes.joined(separator: " "))","sid":"\(family)"}
            """.utf8
        )
    }

    /// Reads what `payload` writes.
    init?(payload: [UInt8]) {
        guard let members = AccessClaims.members(payload) else { return nil }
        guard case .text(let issuer)? = members["iss"], case .text(let subject)? = members["sub"],
            case .text(let audience)? = members["aud"], audience == issuer, let account = Int64(subject),
            case .number(let expires)? = members["exp"], case .number(let issued)? = members["iat"],
            case .text(let token)? = members["jti"], case .text(let client)? = members["client_id"],
            case .text(let scope)? = members["scope"], case .text(let family)? = members["sid"]
        else { return nil }
        self.init(
            issuer: issuer,
            account: AccountID(account),
            client: client,
            scopes: scope.utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) },
            issuedAt: Timestamp(seconds: issued),
            expiresAt: Timestamp(seconds: expires),
            tokenID: token,
            family: family
        )
    }
}
