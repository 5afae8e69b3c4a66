import MailCrypto
package import MailPorts
package import WebAuthn

/// Who asks for passkeys, and which are taken.
package struct PasskeyPolicy: Sendable {
    /// A host name: passkeys are bound to it for good (WebAuthn Level 3 §5.1.2).
    package var relyingParty: String
    /// What people read.
    package var name: String
    /// Where pages that ask may be: `https://mail.example.test`.
    package var origins: Set<String>
    package var perAccount = 20
    /// Take registrations vouched for in ways that are not checked, as if nobody vouched.
    package var takesUncheckedAttestation = false
    /// How long an answer may take.
    package var challengeSeconds: Int64 = 300
    /// Octets of a name.
    package static let nameLength = 100
    /// Ways to reach an authenticator that are kept.
    package static let transports = 8

    package init(relyingParty: String, name: String, origins: Set<String>) {
        self.relyingParty = relyingParty
        self.name = name
        self.origins = origins
    }

    var relyingPartyHash: [UInt8] { SHA256.hash(Array(relyingParty.utf8)) }
}

/// What a page hands to `navigator.credentials.create` (WebAuthn Level 3 §5.4).
package struct PasskeyCreation: Sendable {
    package var challenge: [UInt8]
    package var relyingParty: String
    package var relyingPartyName: String
    package var userHandle: [UInt8]
    package var userName: String
    package var displayName: String
    package var algorithms: [PasskeyAlgorithm]
    /// Passkeys that the account has: an authenticator that holds one refuses.
    package var excluded: [Passkey]
    /// It will be the only way in.
    package var needsVerification = false
    package var timeoutSeconds: Int64
}

/// What a page hands to `navigator.credentials.get` (WebAuthn Level 3 §5.5).
package struct PasskeyRequest: Sendable {
    package struct Allowed: Sendable {
        package var id: [UInt8]
        package var transports: [String]
    }
    package var challenge: [UInt8]
    package var relyingParty: String
    /// Empty: any that the authenticator holds for us.
    package var allowed: [Allowed]
    package var needsVerification: Bool
    package var timeoutSeconds: Int64
}

/// An answer to a creation.
package struct PasskeyRegistration: Sendable {
    package var id: [UInt8]
    package var clientData: [UInt8]
    package var attestation: [UInt8]
    package var transports: [String]
    package init(id: [UInt8], clientData: [UInt8], attestation: [UInt8], transports: [String]) {
        self.id = id
        self.clientData = clientData
        self.attestation = attestation
        self.transports = transports
    }
}

/// An answer to a request.
package struct PasskeyAssertion: Sendable {
    package var id: [UInt8]
    package var clientData: [UInt8]
    package var authenticatorData: [UInt8]
    package var signature: [UInt8]
    package var userHandle: [UInt8]?
    package init(
        id: [UInt8],
        clientData: [UInt8],
        authenticatorData: [UInt8],
        signature: [UInt8],
        userHandle: [UInt8]?
    ) {
        self.id = id
        self.clientData = clientData
        self.authenticatorData = authenticatorData
        self.signature = signature
        self.userHandle = userHandle
    }
}

extension PasskeyPublicKey {
    func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        switch self {
        case .es256(let x, let y): PublicKeySignature.verifyES256(signature, of: message, x: x, y: y)
        case .edDSA(let key): Ed25519.verify(signature, of: message, publicKey: key)
        case .rs256(let modulus, let exponent):
            PublicKeySignature.verifyRS256(signature, of: message, modulus: modulus, exponent: exponent)
        }
    }
}
