/// What an authenticator signs (WebAuthn Level 3 §6.1).
///
///     rpIdHash 32 | flags 1 | signCount 4 | attested credential data, if AT | extensions, if ED
package struct AuthenticatorData: Sendable {
    /// The new credential of a registration (§6.5.2).
    package struct Credential: Hashable, Sendable {
        package var model: [UInt8]
        package var id: [UInt8]
        /// The COSE_Key as it came.
        package var cose: [UInt8]
        package var key: PasskeyPublicKey
    }

    /// Octets of the whole.
    package static let longest = 8_192
    /// Octets of a credential's id (§7.1 step 26).
    package static let idLength = 1...1_023
    private static let fixed = 37

    package var relyingPartyHash: [UInt8]
    package var isUserPresent: Bool
    package var isUserVerified: Bool
    package var isBackupEligible: Bool
    package var isBackedUp: Bool
    package var signCount: UInt32
    package var credential: Credential?

    package init(_ bytes: [UInt8]) throws(WebAuthnFault) {
        guard (Self.fixed...Self.longest).contains(bytes.count) else { throw .authenticatorData }
        relyingPartyHash = Array(bytes[..<32])
        let flags = bytes[32]
        isUserPresent = flags & 0x01 != 0
        isUserVerified = flags & 0x04 != 0
        isBackupEligible = flags & 0x08 != 0
        isBackedUp = flags & 0x10 != 0
        guard isBackupEligible || !isBackedUp else { throw .backupState }
        signCount = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
        var position = Self.fixed
        if flags & 0x40 != 0 { credential = try Self.credential(bytes, &position) }
        if flags & 0x80 != 0 {
            var decoder = CBORDecoder(bytes, from: position)
            guard case .map = try Self.next(&decoder) else { throw .authenticatorData }
            position = decoder.position
        }
        guard position == bytes.count else { throw .authenticatorData }
    }

    private static func credential(_ bytes: [UInt8], _ position: inout Int) throws(WebAuthnFault) -> Credential {
        guard bytes.count - position >= 18 else { throw .authenticatorData }
        let model = Array(bytes[position..<(position + 16)])
        let length = Int(bytes[position + 16]) << 8 | Int(bytes[position + 17])
        position += 18
        guard idLength.contains(length) else { throw .credentialID }
        guard bytes.count - position >= length else { throw .authenticatorData }
        let id = Array(bytes[position..<(position + length)])
        position += length
        var decoder = CBORDecoder(bytes, from: position)
        _ = try next(&decoder)
        let cose = Array(bytes[position..<decoder.position])
        position = decoder.position
        return Credential(model: model, id: id, cose: cose, key: try PasskeyPublicKey(cose))
    }

    private static func next(_ decoder: inout CBORDecoder) throws(WebAuthnFault) -> CBORValue {
        do throws(CBORFault) {
            return try decoder.next()
        } catch {
            throw .cbor(error)
        }
    }
}
