/// What must be so in every answer, whether it registers or signs in (WebAuthn Level 3 §7.1 steps 7 to 17, §7.2 steps 10 to 19).
package struct Ceremony: Sendable {
    package var kind: ClientData.Kind
    /// The octets that were given out.
    package var challenge: [UInt8]
    /// Where pages may be: `https://mail.example.test`.
    package var origins: Set<String>
    /// SHA-256 of the relying party's id.
    package var relyingPartyHash: [UInt8]
    package var needsVerification: Bool

    package init(
        _ kind: ClientData.Kind,
        challenge: [UInt8],
        origins: Set<String>,
        relyingPartyHash: [UInt8],
        needsVerification: Bool
    ) {
        self.kind = kind
        self.challenge = challenge
        self.origins = origins
        self.relyingPartyHash = relyingPartyHash
        self.needsVerification = needsVerification
    }

    package func check(_ client: ClientData, _ data: AuthenticatorData) throws(WebAuthnFault) {
        guard client.type.utf8.elementsEqual(kind.rawValue.utf8) else { throw .type }
        guard client.challenge == challenge else { throw .challenge }
        // Octet by octet: `==` of strings takes other spellings of a character for the same.
        guard origins.contains(where: { $0.utf8.elementsEqual(client.origin.utf8) }) else { throw .origin }
        guard !client.isCrossOrigin else { throw .crossOrigin }
        guard data.relyingPartyHash == relyingPartyHash else { throw .relyingParty }
        guard data.isUserPresent else { throw .userNotPresent }
        guard data.isUserVerified || !needsVerification else { throw .userNotVerified }
    }
}
