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

/// Why there is no certificate; one line for the operator, without secrets.
package struct IssuingFault: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String
    /// Seconds that the authority wants to be left alone (RFC 8555 §6.6).
    package var retryAfter: Int64?
    package init(_ description: String, retryAfter: Int64? = nil) {
        self.description = description
        self.retryAfter = retryAfter
    }
}

/// What gets certificates from an authority.
package protocol CertificateIssuing: Sendable {
    /// - Parameters:
    ///   - names: DNS names that lead to this machine, one at least.
    ///   - keyPEM: the key to use on; nil for a new one.
    ///   - board: where the authority looks for the answers to its challenges.
    func issue(
        _ names: [String],
        keyPEM: [UInt8]?,
        board: any ChallengeBoard
    ) async throws(IssuingFault) -> IssuedCertificate
}

/// Answers to HTTP-01 challenges (RFC 8555 §8.3), served under `/.well-known/acme-challenge/`.
package protocol ChallengeBoard: Sendable {
    func put(_ answer: String, for token: String)
    func remove(_ token: String)
    /// nil for a token that nobody waits for.
    func answer(_ token: String) -> String?
}
