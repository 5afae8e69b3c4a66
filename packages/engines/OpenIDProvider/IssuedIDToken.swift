import MailCrypto
package import MailModel
package import MailPorts

/// What a client learns of a sign-in (OpenID Connect Core §2).
package struct IssuedIDToken: Sendable {
    package var issuer: String
    package var client: String
    package var authentication: Authentication
    package var nonce: String?
    package var accessToken: String
    package var issuedAt: Timestamp
    package var expiresAt: Timestamp
    package var session: String

    package init(
        issuer: String,
        client: String,
        authentication: Authentication,
        nonce: String?,
        accessToken: String,
        issuedAt: Timestamp,
        expiresAt: Timestamp,
        session: String
    ) {
        self.issuer = issuer
        self.client = client
        self.authentication = authentication
        self.nonce = nonce
        self.accessToken = accessToken
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.session = session
    }

    /// The payload, to be signed.
    package var payload: [UInt8] {
        var members = JSONMembers()
        members.add("iss", issuer)
        members.add("sub", authentication.account.description)
        members.add("aud", client)
        members.add("exp", expiresAt.seconds)
        members.add("iat", issuedAt.seconds)
        members.add("auth_time", authentication.at.seconds)
        if let nonce { members.add("nonce", nonce) }
        // A domain's provider need not say how it knows.
        let methods = authentication.registeredMethods
        if !methods.isEmpty { members.add("amr", methods) }
        members.add("acr", Self.assurance(authentication))
        members.add("at_hash", Self.half(accessToken))
        members.add("sid", session)
        return Array(members.text.utf8)
    }

    /// One factor, or two.
    private static func assurance(_ authentication: Authentication) -> String {
        authentication.methods.contains("mfa") ? "aal2" : "aal1"
    }

    /// `at_hash` (§3.1.3.6): the left half of the hash, of 256 bits with every algorithm that is used here.
    private static func half(_ token: String) -> String {
        Base64URL.encode(Array(SHA256.hash(Array(token.utf8))[..<16]))
    }
}
