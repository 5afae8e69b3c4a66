package import MailPorts
import OpenIDWire

/// What a client asks a person for (OpenID Connect Core §3.1.2.1), checked against what it is registered with.
package struct AuthorizationRequest: Sendable {
    /// Why it is refused.
    package enum Refusal: Error, Hashable, Sendable {
        /// To be told to the person: who asks, or where answers go, is not known.
        case page(String)
        /// To be told to the client.
        case answer(OAuthFault, redirectURI: String, state: String?)
    }

    /// Octets of `state` and `nonce`.
    private static let longestValue = 1_024

    package let client: OAuthClient
    package let redirectURI: String
    package let scopes: [String]
    package let state: String?
    package let nonce: String?
    package let challenge: String?
    package let prompt: Set<String>
    /// Seconds since the person last proved who they are.
    package let maxAge: Int64?
    package let loginHint: String?

    /// - Parameter fields: by name; a request that gives one twice is refused before (RFC 6749 §3.1).
    package init(_ fields: [String: String], client: OAuthClient) throws(Refusal) {
        guard let given = fields["redirect_uri"] else {
            throw .page("The program did not say where the answer goes (redirect_uri).")
        }
        guard client.redirectURIs.contains(where: { RedirectURI.matches(given, registered: $0) }),
            RedirectURI.fault(given, isPublic: client.isPublic) == nil
        else { throw .page("The address for the answer (redirect_uri) is not one that is registered.") }
        let state = fields["state"]
        func refuse(_ code: OAuthFault.Code, _ why: String) -> Refusal {
            .answer(OAuthFault(code, why), redirectURI: given, state: state)
        }
        guard [state, fields["nonce"], fields["login_hint"]].allSatisfy({ $0?.utf8.count ?? 0 <= Self.longestValue })
        else { throw .page("The request is too long.") }
        guard fields["request"] == nil else { throw refuse(.requestNotSupported, "request objects are not taken") }
        guard fields["request_uri"] == nil else {
            throw refuse(.requestURINotSupported, "request objects are not taken")
        }
        guard fields["response_type"] == "code" else {
            throw refuse(.unsupportedResponseType, "the response_type is code")
        }
        guard fields["response_mode"] ?? "query" == "query" else {
            throw refuse(.invalidRequest, "the response_mode is query")
        }
        challenge = try Self.challenge(fields, client, refuse)
        scopes = try Self.scopes(fields["scope"], client, refuse)
        prompt = Set(OAuthScope.words(fields["prompt"] ?? "") ?? [])
        guard prompt.isSubset(of: ["none", "login", "consent", "select_account"]),
            !prompt.contains("none") || prompt.count == 1
        else { throw refuse(.invalidRequest, "prompt takes none, or some of login, consent and select_account") }
        if let text = fields["max_age"] {
            guard text.utf8.count <= 9, text.utf8.allSatisfy({ (48...57).contains($0) }), let age = Int64(text) else {
                throw refuse(.invalidRequest, "max_age is a number of seconds")
            }
            maxAge = age
        } else {
            maxAge = nil
        }
        self.client = client
        self.state = state
        redirectURI = given
        nonce = fields["nonce"]
        loginHint = fields["login_hint"]
    }

    private static func challenge(
        _ fields: [String: String],
        _ client: OAuthClient,
        _ refuse: (OAuthFault.Code, String) -> Refusal
    ) throws(Refusal) -> String? {
        guard let challenge = fields["code_challenge"] else {
            guard !client.isPublic, fields["code_challenge_method"] == nil else {
                throw refuse(.invalidRequest, "a code_challenge is needed")
            }
            return nil
        }
        // RFC 7636 §4.3: without a method it would be plain, which is not taken.
        guard fields["code_challenge_method"] == "S256", ProofKey.isChallenge(challenge) else {
            throw refuse(.invalidRequest, "the code_challenge_method is S256")
        }
        return challenge
    }

    /// Those that the client may ask for; OpenID Connect Core §3.1.2.1: those not understood are ignored.
    package static func scopes(
        _ text: String?,
        _ client: OAuthClient,
        _ refuse: (OAuthFault.Code, String) -> Refusal
    ) throws(Refusal) -> [String] {
        guard let words = OAuthScope.words(text ?? "") else { throw refuse(.invalidScope, "the scope is not readable") }
        // All mail is as much of it as the client may have.
        let all = OAuthScope.expanded(words.filter { $0 == OAuthScope.allMail }).filter(client.scopes.contains)
        var known = words.filter { OAuthScope(rawValue: $0) != nil }
        known += all.filter { !known.contains($0) }
        guard !known.isEmpty else { throw refuse(.invalidScope, "the scope names nothing that is known") }
        guard known.allSatisfy(client.scopes.contains) else {
            throw refuse(.invalidScope, "the scope is more than the client may ask for")
        }
        return known
    }

    /// Where the browser goes with an answer: with the provider's name, so that answers of several are not mixed up
    /// (RFC 9207).
    package static func answer(
        _ members: [(name: String, value: String)],
        to redirectURI: String,
        state: String?,
        issuer: String
    ) -> String {
        let more = state.map { [(name: "state", value: $0)] } ?? []
        return QueryText.appended(members + more + [(name: "iss", value: issuer)], to: redirectURI)
    }

    package static func answer(_ fault: OAuthFault, to redirectURI: String, state: String?, issuer: String) -> String {
        answer(
            [("error", fault.code.rawValue), ("error_description", fault.why)],
            to: redirectURI,
            state: state,
            issuer: issuer
        )
    }
}
