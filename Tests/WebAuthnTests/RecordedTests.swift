import MailCrypto
import Testing
import WebAuthn

@Suite struct RecordedTests {
    private static func verifies(_ key: PasskeyPublicKey, _ signature: [UInt8], _ message: [UInt8]) -> Bool {
        switch key {
        case .es256(let x, let y): PublicKeySignature.verifyES256(signature, of: message, x: x, y: y)
        case .edDSA(let key): Ed25519.verify(signature, of: message, publicKey: key)
        case .rs256(let modulus, let exponent):
            PublicKeySignature.verifyRS256(signature, of: message, modulus: modulus, exponent: exponent)
        }
    }

    private func ceremony(_ kind: ClientData.Kind) -> Ceremony {
        Ceremony(
            kind,
            challenge: SHA256.hash(Array("challenge".utf8)),
            origins: ["https://example.org"],
            relyingPartyHash: SHA256.hash(Array("example.org".utf8)),
            needsVerification: true
        )
    }

    @Test(arguments: Recording.all) func aRecordedRegistrationAndSignInAreTaken(_ recording: Recording) throws {
        let attestation = try AttestationObject(Recording.octets(recording.attestation))
        let registered = Recording.octets(recording.registered)
        try ceremony(.create).check(try ClientData(registered), attestation.data)
        let credential = try #require(attestation.data.credential)
        #expect(credential.key.algorithm == recording.algorithm)
        #expect(credential.model == Array(0..<16) && credential.id.count == 32)
        guard case .own(let algorithm, let own) = attestation.statement else {
            Issue.record("\(attestation.statement)")
            return
        }
        #expect(algorithm == recording.algorithm)
        #expect(Self.verifies(credential.key, own, attestation.dataBytes + SHA256.hash(registered)))

        let (bytes, client) = (Recording.octets(recording.authenticatorData), Recording.octets(recording.signedIn))
        let data = try AuthenticatorData(bytes)
        #expect(data.signCount == 7 && data.isUserVerified && data.credential == nil)
        try ceremony(.get).check(try ClientData(client), data)
        var signature = Recording.octets(recording.signature)
        let message = bytes + SHA256.hash(client)
        #expect(Self.verifies(credential.key, signature, message))
        #expect(!Self.verifies(credential.key, signature, message + [0]))
        signature[signature.count - 1] ^= 1
        #expect(!Self.verifies(credential.key, signature, message))
        #expect(!Self.verifies(credential.key, [], message))
    }

    @Test(arguments: Recording.all) func noPrefixOfARegistrationIsOne(_ recording: Recording) {
        let bytes = Recording.octets(recording.attestation)
        for length in 0..<bytes.count {
            #expect(throws: WebAuthnFault.self) { try AttestationObject(Array(bytes[..<length])) }
        }
        #expect(throws: WebAuthnFault.cbor(.trailing)) { try AttestationObject(bytes + [0]) }
    }

    @Test(arguments: Recording.all) func noChangedOctetTraps(_ recording: Recording) {
        let bytes = Recording.octets(recording.attestation)
        for place in bytes.indices {
            for mask in [1, 0x20, 0x80, 0xFF] as [UInt8] {
                var changed = bytes
                changed[place] ^= mask
                _ = try? AttestationObject(changed)
            }
        }
    }

    @Test func whatDiffersIsNamed() throws {
        let client = try ClientData(Recording.octets(Recording.es256.signedIn))
        let data = try AuthenticatorData(Recording.octets(Recording.es256.authenticatorData))
        func fault(
            _ change: (inout Ceremony) -> Void,
            _ look: (inout AuthenticatorData) -> Void = { _ in }
        ) -> WebAuthnFault? {
            var (ceremony, data) = (ceremony(.get), data)
            change(&ceremony)
            look(&data)
            do throws(WebAuthnFault) {
                try ceremony.check(client, data)
                return nil
            } catch {
                return error
            }
        }
        #expect(fault { _ in } == nil)
        #expect(fault { $0.kind = .create } == .type)
        #expect(fault { $0.challenge[0] ^= 1 } == .challenge)
        #expect(fault { $0.origins = ["https://example.org.evil.test", "http://example.org"] } == .origin)
        #expect(fault { $0.relyingPartyHash[31] ^= 1 } == .relyingParty)
        #expect(fault({ _ in }, { $0.isUserPresent = false }) == .userNotPresent)
        #expect(fault({ _ in }, { $0.isUserVerified = false }) == .userNotVerified)
        #expect(fault({ $0.needsVerification = false }, { $0.isUserVerified = false }) == nil)
    }

    /// A key that says it is for one algorithm and is of another's kind, weak, or off its curve.
    @Test func algorithmsAreNotConfused() throws {
        // kty OKP with alg ES256; kty EC2 with alg EdDSA; alg "none" (0) and HS256 (5).
        let point: [UInt8] = [0x58, 32] + [UInt8](repeating: 1, count: 32)
        let confused: [[UInt8]] = [
            [0xA4, 0x01, 0x01, 0x03, 0x26, 0x20, 0x06, 0x21] + point,
            [0xA4, 0x01, 0x02, 0x03, 0x27, 0x20, 0x06, 0x21] + point,
        ]
        for key in confused { #expect(throws: WebAuthnFault.key) { try PasskeyPublicKey(key) } }
        for algorithm in [0x00, 0x05, 0x28] as [UInt8] {
            #expect(throws: WebAuthnFault.algorithm) {
                try PasskeyPublicKey([0xA4, 0x01, 0x01, 0x03, algorithm, 0x20, 0x06, 0x21] + point)
            }
        }
        // 1,024 bits, and an even exponent.
        let short = [0x59, 0x00, 0x80] + [UInt8](repeating: 0xFF, count: 128)
        let long = [0x59, 0x01, 0x00] + [UInt8](repeating: 0xFF, count: 256)
        #expect(throws: WebAuthnFault.key) {
            try PasskeyPublicKey([0xA4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20] + short + [0x21, 0x43, 1, 0, 1])
        }
        #expect(throws: WebAuthnFault.key) {
            try PasskeyPublicKey([0xA4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20] + long + [0x21, 0x43, 1, 0, 2])
        }
        let offCurve = try PasskeyPublicKey([0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21] + point + [0x22] + point)
        #expect(!Self.verifies(offCurve, Recording.octets(Recording.es256.signature), []))
    }
}
