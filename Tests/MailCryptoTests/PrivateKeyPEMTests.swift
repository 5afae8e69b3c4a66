import Testing

@testable import MailCrypto

@Suite struct PrivateKeyPEMTests {
    @Test func `a key that is written is the key that is read`() throws {
        let rsa = try RSAKey.generate(bits: 2_048)
        guard case .rsa(let read, let bits) = try PrivateKeyPEM(PrivateKeyPEM.rsa(rsa, bits: 2_048).text()) else {
            Issue.record("no RSA key")
            return
        }
        #expect(try read.publicDER() == rsa.publicDER() && bits == 2_048)
        let edwards = Ed25519PrivateKey()
        guard case .ed25519(let other) = try PrivateKeyPEM(PrivateKeyPEM.ed25519(edwards).text()) else {
            Issue.record("no Ed25519 key")
            return
        }
        #expect(other.seed == edwards.seed)
    }

    @Test func `what is no key is refused, whatever it is`() throws {
        let text = try PrivateKeyPEM.ed25519(Ed25519PrivateKey()).text()
        let elliptic = try SelfSignedCertificate(hostNames: ["mail.shop.test"])
        let samples: [[UInt8]] = [
            [], Array("-----BEGIN PRIVATE KEY-----\n".utf8), Array(text.dropLast(40)), elliptic.keyPEM,
            elliptic.certificatePEM, [UInt8](repeating: 65, count: PrivateKeyPEM.longest + 1),
        ]
        for sample in samples {
            #expect(throws: CryptoError.malformed) { try PrivateKeyPEM(sample) }
        }
        #expect("\(try PrivateKeyPEM(text))" == "PrivateKeyPEM(redacted)")
    }

    @Test func `a certificate tells its names, its end and its key`() throws {
        let made = try SelfSignedCertificate(hostNames: ["mail.shop.test", "imap.shop.test"], validDays: 10)
        let chain = Certificate.chain(pem: made.certificatePEM)
        let certificate = try #require(chain.first)
        #expect(chain.count == 1 && certificate.names == ["mail.shop.test", "imap.shop.test", "localhost"])
        #expect(certificate.notAfter - certificate.notBefore == 10 * 86_400 + 3_600)
        #expect(certificate.isFor("imap.shop.test") && !certificate.isFor("other.test"))
        #expect(certificate.keyHash.count == 32 && certificate.issuer == certificate.subject)
        #expect(Certificate.fault(in: chain) != nil && Certificate.fault(in: []) != nil)
        #expect(try Certificate(der: certificate.der) == certificate)
        #expect(throws: CryptoError.malformed) { try Certificate(der: Array(certificate.der.dropLast())) }
        #expect(Certificate.chain(pem: Array("no certificate".utf8)).isEmpty)
    }
}
