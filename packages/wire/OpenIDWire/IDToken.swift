import MailCrypto

/// An ID token (OpenID Connect Core 1.0 §2) whose form is right; nothing in it is believed before `verify`.
package struct IDToken: Sendable {
    /// Octets.
    package static let longest = 16_384
    private static let longestSubject = 255

    package enum Fault: Error, Equatable, Sendable {
        case malformed
        /// `none`, a secret's, or one that nobody knows here.
        case algorithm
        case unknownKey
        case signature
        case issuer, audience, expired, issuedAt, nonce, accessHash, subject
    }

    /// What a token must be to be taken.
    package struct Expectation: Sendable {
        package var issuer: String
        package var clientID: String
        package var nonce: String
        /// That came with the token, for `at_hash`.
        package var accessToken: String?
        /// Seconds of 1970.
        package var now: Int64
        /// Clocks may differ by so many seconds.
        package var leeway: Int64
        /// Seconds that a token may be old.
        package var oldest: Int64

        package init(
            issuer: String,
            clientID: String,
            nonce: String,
            accessToken: String?,
            now: Int64,
            leeway: Int64,
            oldest: Int64
        ) {
            self.issuer = issuer
            self.clientID = clientID
            self.nonce = nonce
            self.accessToken = accessToken
            self.now = now
            self.leeway = leeway
            self.oldest = oldest
        }
    }

    package let algorithm: TokenAlgorithm
    package let keyID: String?
    private let signed: [UInt8]
    private let signature: [UInt8]
    private let claims: JSONValue

    package init(_ text: String) throws(Fault) {
        let parts = text.utf8.split(separator: 46, omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.longest, parts.count == 3, let head = Base64URL.decode(parts[0]),
            let payload = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]),
            let header = JSONValue(head), let claims = JSONValue(payload), case .object = claims,
            let name = header["alg"]?.text
        else { throw .malformed }
        // RFC 7515 §4.1.11: what must be understood and is not.
        guard header["crit"] == nil else { throw .malformed }
        // The same by a name that says the curve too.
        guard let algorithm = TokenAlgorithm(rawValue: name == "Ed25519" ? "EdDSA" : name) else { throw .algorithm }
        self.algorithm = algorithm
        keyID = header["kid"]?.text
        signed = Array(parts[0]) + [46] + Array(parts[1])
        self.signature = signature
        self.claims = claims
    }

    /// Checks signature and claims (OpenID Connect Core 1.0 §3.1.3.7).
    ///
    /// - Throws: `.unknownKey` when no key of the set has the token's `kid`, or it has none and more than one key would do.
    package func verify(_ keys: [ProviderKey], _ expected: Expectation) throws(Fault) -> VerifiedClaims {
        let candidates = keys.filter { keyID == nil || $0.id == keyID }
        guard !candidates.isEmpty, keyID != nil || candidates.count == 1 else { throw .unknownKey }
        guard candidates.contains(where: { $0.verifies(signature, of: signed, by: algorithm) }) else {
            throw .signature
        }
        guard claims["iss"]?.text == expected.issuer else { throw .issuer }
        try checkAudience(expected.clientID)
        try checkTimes(expected)
        guard let nonce = claims["nonce"]?.text, constantTimeEqual(Array(nonce.utf8), Array(expected.nonce.utf8)) else {
            throw .nonce
        }
        try checkAccessHash(expected.accessToken)
        guard let subject = claims["sub"]?.text, (1...Self.longestSubject).contains(subject.utf8.count),
            subject.utf8.allSatisfy({ (32...126).contains($0) })
        else { throw .subject }
        return VerifiedClaims(subject: subject, claims: claims)
    }

    private func checkAudience(_ clientID: String) throws(Fault) {
        let audiences = claims["aud"]?.texts ?? claims["aud"]?.text.map { [$0] } ?? []
        guard audiences.contains(clientID) else { throw .audience }
        let party = claims["azp"]
        guard party == nil || party?.text == clientID, audiences.count == 1 || party != nil else { throw .audience }
    }

    private func checkTimes(_ expected: Expectation) throws(Fault) {
        guard let expires = claims["exp"]?.seconds, expires > expected.now - expected.leeway else { throw .expired }
        guard let issued = claims["iat"]?.seconds, issued <= expected.now + expected.leeway,
            issued >= expected.now - expected.oldest - expected.leeway
        else { throw .issuedAt }
        guard let start = claims["nbf"] else { return }
        guard let seconds = start.seconds, seconds <= expected.now + expected.leeway else { throw .issuedAt }
    }

    /// OpenID Connect Core 1.0 §3.1.3.6: half of the hash that the algorithm has; SHA-512 for Ed25519, which is passed over
    /// as the token came by TLS from the provider itself.
    private func checkAccessHash(_ accessToken: String?) throws(Fault) {
        guard let claim = claims["at_hash"], let accessToken, algorithm != .edDSA else { return }
        let hash = Base64URL.encode(Array(SHA256.hash(Array(accessToken.utf8))[..<16]))
        guard let given = claim.text, constantTimeEqual(Array(given.utf8), Array(hash.utf8)) else { throw .accessHash }
    }
}

extension JSONValue {
    /// A moment in whole seconds within what dates can be.
    fileprivate var seconds: Int64? { number.flatMap { (0...253_402_300_799).contains($0) ? $0 : nil } }
}

/// What a provider says of a person, once its signature was checked.
package struct VerifiedClaims: Sendable {
    package let subject: String
    private var claims: JSONValue

    init(subject: String, claims: JSONValue) { (self.subject, self.claims) = (subject, claims) }

    package func text(_ name: String) -> String? { claims[name]?.text }

    /// A moment, in seconds of 1970.
    package func seconds(_ name: String) -> Int64? { claims[name]?.seconds }

    /// A list of texts; nil when it is none, or has others.
    package func texts(_ name: String) -> [String]? { claims[name]?.texts }

    /// Some providers write it as text.
    package func isTrue(_ name: String) -> Bool { claims[name] == .truth(true) || claims[name]?.text == "true" }

    /// With what the UserInfo endpoint said (OpenID Connect Core 1.0 §5.3.2); what the token has stays.
    ///
    /// nil when that is of somebody else.
    package func completed(by document: JSONValue) -> VerifiedClaims? {
        guard case .object(let more) = document, case .object(let own) = claims, document["sub"]?.text == subject else {
            return nil
        }
        return VerifiedClaims(subject: subject, claims: .object(own.merging(more) { first, _ in first }))
    }
}
