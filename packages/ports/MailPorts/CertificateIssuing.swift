/// A certificate that an authority issued, and its key.
package struct IssuedCertificate: Sendable, CustomStringConvertible {
    /// The certificate, then those that lead to the authority, in PEM.
    package var chainPEM: [UInt8]
    package var keyPEM: [UInt8]
    package init(chainPEM: [UInt8], keyPEM: [UInt8]) {
        self.chainPEM = chainPEM
        self.keyPEM = keyPEM
    }
    package var description: String { "IssuedCertificate(\(chainPEM.count) octets)" }
}

/// How it is shown to an authority that a name leads here.
package enum ChallengeKind: String, CaseIterable, Sendable {
    /// A text at port 80 of the name (RFC 8555 §8.3).
    case http = "http-01"
    /// A certificate at port 443 of the name, under a protocol of its own (RFC 8737).
    case tlsALPN = "tls-alpn-01"
}

/// What a handshake for a challenge shows (RFC 8737 §3).
package struct ChallengeCertificate: Hashable, Sendable, CustomStringConvertible {
    package var certificatePEM: [UInt8]
    package var keyPEM: [UInt8]
    package init(certificatePEM: [UInt8], keyPEM: [UInt8]) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }
    package var description: String { "ChallengeCertificate(\(certificatePEM.count) octets)" }
}

/// Why there is no certificate; one line for the operator, without secrets.
package struct IssuingFault: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Cause: Sendable {
        /// The authority does not offer the challenge, or has seen another answer than it wants: the other kind may do.
        case challenge
        case other
    }

    package var description: String
    /// Seconds that the authority wants to be left alone (RFC 8555 §6.6).
    package var retryAfter: Int64?
    package var cause: Cause
    package init(_ description: String, retryAfter: Int64? = nil, cause: Cause = .other) {
        self.description = description
        self.retryAfter = retryAfter
        self.cause = cause
    }
}

/// What gets certificates from an authority.
package protocol CertificateIssuing: Sendable {
    /// - Parameters:
    ///   - names: DNS names that lead to this machine, one at least.
    ///   - keyPEM: the key to use on; nil for a new one.
    ///   - kind: by which every name is shown to lead here; a name that the authority believes already needs none.
    ///   - board: where the authority looks for the answers to its challenges.
    func issue(
        _ names: [String],
        keyPEM: [UInt8]?,
        by kind: ChallengeKind,
        board: any ChallengeBoard
    ) async throws(IssuingFault) -> IssuedCertificate
}

/// Answers to challenges that wait to be looked at.
package protocol ChallengeBoard: Sendable {
    /// For HTTP-01 (RFC 8555 §8.3), served under `/.well-known/acme-challenge/`.
    func put(_ answer: String, for token: String)
    func remove(_ token: String)
    /// nil for a token that nobody waits for.
    func answer(_ token: String) -> String?

    /// For TLS-ALPN-01 (RFC 8737), shown to who asks for the name.
    func show(_ certificate: ChallengeCertificate, for name: String)
    func hide(_ name: String)
    /// nil for a name that nobody waits for; names are compared without regard to case.
    func certificate(for name: String) -> ChallengeCertificate?
}
