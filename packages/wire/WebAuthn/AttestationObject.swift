/// What comes of a registration (WebAuthn Level 3 §6.5.4): the authenticator data, and how it is vouched for.
package struct AttestationObject: Sendable {
    package enum Statement: Equatable, Sendable {
        /// §8.7.
        case none
        /// §8.2 without certificates: signed by the new key itself.
        case own(PasskeyAlgorithm, signature: [UInt8])
        /// Vouched for by a maker, or in another format.
        case other
    }

    package static let longest = 16_384

    package var statement: Statement
    package var data: AuthenticatorData
    /// What was signed.
    package var dataBytes: [UInt8]

    package init(_ bytes: [UInt8]) throws(WebAuthnFault) {
        guard bytes.count <= Self.longest else { throw .attestation }
        let value: CBORValue
        do throws(CBORFault) {
            value = try CBORDecoder.whole(bytes)
        } catch {
            throw .cbor(error)
        }
        guard let format = value.member("fmt")?.string, let dataBytes = value.member("authData")?.octets,
            let statement = value.member("attStmt"), case .map(let members) = statement
        else { throw .attestation }
        self.dataBytes = dataBytes
        data = try AuthenticatorData(dataBytes)
        switch format {
        case "none":
            guard members.isEmpty else { throw .attestation }
            self.statement = .none
        case "packed" where statement.member("x5c") == nil:
            guard let algorithm = statement.member("alg")?.number.flatMap(PasskeyAlgorithm.init(rawValue:)),
                let signature = statement.member("sig")?.octets
            else { throw .attestation }
            // §8.2: "alg … matches the algorithm of the credentialPublicKey".
            guard algorithm == data.credential?.key.algorithm else { throw .algorithm }
            self.statement = .own(algorithm, signature: signature)
        default: self.statement = .other
        }
    }
}
