import MailCrypto
import Testing

@Suite struct CertificateRequestTests {
    @Test func aKeyIsUsedOn() throws {
        let first = try CertificateRequest(hostNames: ["mail.shop.test", "imap.shop.test"])
        let second = try CertificateRequest(hostNames: ["mail.shop.test"], keyPEM: first.keyPEM)
        #expect(second.keyPEM == first.keyPEM && second.der != first.der)
        #expect(!"\(first)".contains("PRIVATE"))
        // RFC 2986 §4: SEQUENCE; the names stand in it as they were given.
        #expect(first.der.first == 0x30)
        for name in ["mail.shop.test", "imap.shop.test"] {
            #expect(String(decoding: first.der, as: UTF8.self).contains(name))
        }
    }

    @Test(arguments: [[], [""], ["a,DNS:evil.test"], ["a b"], ["a\u{0}b"], [String(repeating: "a", count: 254)]])
    func whatIsNoNameIsRefused(_ names: [String]) {
        #expect(throws: CryptoError.malformed) { try CertificateRequest(hostNames: names) }
    }

    @Test func keysOfOtherKindsAreRefused() throws {
        let rsa = try RSAKey.generate(bits: 2_048)
        let pem = try PrivateKeyPEM.rsa(rsa, bits: 2_048).text()
        for key in [pem, Array("none".utf8), []] {
            #expect(throws: CryptoError.malformed) { try CertificateRequest(hostNames: ["a.test"], keyPEM: key) }
        }
    }
}
