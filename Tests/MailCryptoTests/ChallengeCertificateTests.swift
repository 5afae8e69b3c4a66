import ByteParsing
import MailCrypto
import ProcessTesting
import Testing

@Suite struct ChallengeCertificateTests {
    private static let authorization = "token.thumbprint"

    /// What another program reads in the certificate.
    private func openssl(_ words: String, _ pem: [UInt8]) throws -> [String] {
        let child = try Child(
            script: "printf '%s' \"$1\" | openssl \(words)",
            arguments: [String(decoding: pem, as: UTF8.self)]
        )
        var lines: [String] = []
        while let line = child.readLine() {
            lines.append(String(line.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()))
        }
        try #require(child.wait() == 0)
        return lines
    }

    @Test func `it is for the name alone and holds the hash of the answer, critically`() throws {
        let made = try SelfSignedCertificate(answering: Self.authorization, for: "mail.shop.test")
        let lines = try openssl("x509 -noout -text", made.certificatePEM)
        let names = try #require(lines.firstIndex { $0.hasPrefix("X509v3 Subject Alternative Name:") })
        #expect(lines[names + 1] == "DNS:mail.shop.test")
        #expect(lines.filter { $0.hasPrefix("X509v3 ") && $0.hasSuffix(":") }.count <= 2, "nothing beside the two")
        #expect(
            lines.contains {
                ($0.hasPrefix("1.3.6.1.5.5.7.1.31") || $0.hasPrefix("ACME Identifier")) && $0.hasSuffix("critical")
            }
        )
        #expect(lines.contains("Signature Algorithm: ecdsa-with-SHA256"))

        // OBJECT, BOOLEAN 255, OCTET STRING that holds an OCTET STRING of SHA-256 (RFC 8737 §3).
        let fields = try openssl("asn1parse", made.certificatePEM)
        let place = try #require(
            fields.firstIndex {
                $0.contains("1.3.6.1.5.5.7.1.31") || $0.contains("ACME Identifier") || $0.contains("acmeIdentifier")
            }
        )
        #expect(fields[place + 1].contains("BOOLEAN") && fields[place + 1].hasSuffix(":255"))
        let hash = Hexadecimal.text(SHA256.hash(Array(Self.authorization.utf8))).uppercased()
        #expect(fields[place + 2].hasSuffix("[HEX DUMP]:0420" + hash))
        // Its own key has signed it.
        let certificate = try #require(Certificate.chain(pem: made.certificatePEM).first)
        #expect(certificate.hasKey(pem: made.keyPEM) && certificate.names == ["mail.shop.test"])
        #expect(certificate.issuer == certificate.subject && certificate.notAfter - certificate.notBefore < 2 * 86_400)
    }

    @Test(arguments: ["", "a,DNS:evil.test", "a b", "a\u{0}b", "*.shop.test", "mäil.test", "127.0.0.1:443"])
    func `what is no name gets none`(name: String) {
        #expect(throws: CryptoError.malformed) { try SelfSignedCertificate(answering: Self.authorization, for: name) }
    }
}
