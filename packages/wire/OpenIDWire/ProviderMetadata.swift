package import MailModel

/// What an OpenID provider says of itself (OpenID Connect Discovery 1.0 §3), as far as signing in needs it.
package struct ProviderMetadata: Equatable, Sendable {
    package enum ClientAuthentication: Sendable {
        /// RFC 6749 §2.3.1: in an Authorization field.
        case basic
        /// In the body.
        case post
    }

    /// Appended to the issuer (OpenID Connect Discovery 1.0 §4).
    package static let path = "/.well-known/openid-configuration"

    package var issuer: String
    package var authorization: WebAddress
    package var token: WebAddress
    package var keys: WebAddress
    package var userInfo: WebAddress?
    package var authentication: ClientAuthentication
    /// RFC 9207 §3: its answers always name the issuer.
    package var namesIssuer: Bool

    /// nil for what is no such document.
    package init?(_ document: JSONValue) {
        guard let issuer = document["issuer"]?.text,
            let authorization = document["authorization_endpoint"]?.text.flatMap({ WebAddress($0) }),
            let token = document["token_endpoint"]?.text.flatMap({ WebAddress($0) }),
            let keys = document["jwks_uri"]?.text.flatMap({ WebAddress($0) })
        else { return nil }
        self.issuer = issuer
        self.authorization = authorization
        self.token = token
        self.keys = keys
        userInfo = document["userinfo_endpoint"]?.text.flatMap { WebAddress($0) }
        // RFC 8414 §2: client_secret_basic where nothing is said.
        let methods = document["token_endpoint_auth_methods_supported"]?.texts ?? ["client_secret_basic"]
        authentication = methods.contains("client_secret_basic") ? .basic : .post
        namesIssuer = document["authorization_response_iss_parameter_supported"] == .truth(true)
    }
}
