/// Why an answer of an authenticator is not taken (WebAuthn Level 3 §7.1 and §7.2).
///
/// For the log and the audit; a client reads only that the passkey was not accepted.
package enum WebAuthnFault: Error, Equatable, Sendable {
    case cbor(CBORFault)
    /// Too short, too long, or with octets behind its end.
    case authenticatorData
    case clientData
    /// `webauthn.create` where `webauthn.get` was wanted, or the other way round.
    case type
    case challenge
    case origin
    /// From a frame of another site.
    case crossOrigin
    /// The hash is another relying party's.
    case relyingParty
    case userNotPresent
    case userNotVerified
    /// Backed up without being able to (§6.1.3).
    case backupState
    case algorithm
    case key
    /// The format or the statement is none that is accepted.
    case attestation
    case signature
    case credentialID
}

extension WebAuthnFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cbor(let fault): "cbor \(fault)"
        case .authenticatorData: "authenticator data"
        case .clientData: "client data"
        case .type: "type"
        case .challenge: "challenge"
        case .origin: "origin"
        case .crossOrigin: "cross origin"
        case .relyingParty: "relying party"
        case .userNotPresent: "user not present"
        case .userNotVerified: "user not verified"
        case .backupState: "backup state"
        case .algorithm: "algorithm"
        case .key: "key"
        case .attestation: "attestation"
        case .signature: "signature"
        case .credentialID: "credential id"
        }
    }
}
