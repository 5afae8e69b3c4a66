import MailModel

/// What the provider says of itself (OpenID Connect Discovery §3, RFC 8414 §2).
package enum ProviderDocument {
    package static let authorization = "/oauth2/authorize"
    package static let token = "/oauth2/token"
    package static let userInformation = "/oauth2/userinfo"
    package static let revocation = "/oauth2/revoke"
    package static let introspection = "/oauth2/introspect"
    package static let deviceAuthorization = "/oauth2/device_authorization"
    package static let registration = "/oauth2/register"
    package static let devicePage = "/device"
    package static let keys = "/.well-known/jwks.json"

    package static let deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

    /// - Parameter takesRegistrations: whether programs register themselves (RFC 7591 §3).
    package static func document(issuer: String, takesRegistrations: Bool = false) -> String {
        var members = JSONMembers()
        members.add("issuer", issuer)
        members.add("authorization_endpoint", issuer + authorization)
        members.add("token_endpoint", issuer + token)
        members.add("userinfo_endpoint", issuer + userInformation)
        members.add("revocation_endpoint", issuer + revocation)
        members.add("introspection_endpoint", issuer + introspection)
        members.add("device_authorization_endpoint", issuer + deviceAuthorization)
        if takesRegistrations { members.add("registration_endpoint", issuer + registration) }
        members.add("jwks_uri", issuer + keys)
        members.add("scopes_supported", OAuthScope.allCases.map(\.rawValue) + [OAuthScope.allMail])
        members.add("response_types_supported", ["code"])
        members.add("response_modes_supported", ["query"])
        members.add("grant_types_supported", ["authorization_code", "refresh_token", deviceGrant])
        members.add("subject_types_supported", ["public"])
        members.add("id_token_signing_alg_values_supported", ["ES256", "RS256"])
        members.add("acr_values_supported", ["aal1", "aal2"])
        members.add("code_challenge_methods_supported", ["S256"])
        members.add("prompt_values_supported", ["none", "login", "consent", "select_account"])
        let methods = ["client_secret_basic", "client_secret_post"]
        members.add("token_endpoint_auth_methods_supported", methods + ["none"])
        members.add("revocation_endpoint_auth_methods_supported", methods + ["none"])
        members.add("introspection_endpoint_auth_methods_supported", methods)
        members.add(
            "claims_supported",
            ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "amr", "acr", "at_hash", "sid", "email"]
                + ["email_verified", "name"]
        )
        members.add("claims_parameter_supported", false)
        members.add("request_parameter_supported", false)
        members.add("request_uri_parameter_supported", false)
        members.add("authorization_response_iss_parameter_supported", true)
        return members.text
    }
}
