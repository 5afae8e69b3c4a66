import ByteParsing
import MailCrypto
import MailModel
import MailPorts
import Testing

@testable import SenderAuth

/// One key of each kind for all tests: an RSA key takes a quarter of a second to make.
enum SigningKeys {
    static let rsa: DKIMPrivateKey = made(.rsaSHA256)
    static let ed25519: DKIMPrivateKey = made(.ed25519SHA256)

    static func key(_ algorithm: DKIMKey.Algorithm) -> DKIMPrivateKey {
        switch algorithm {
        case .rsaSHA256: rsa
        case .ed25519SHA256: ed25519
        }
    }

    private static func made(_ algorithm: DKIMKey.Algorithm) -> DKIMPrivateKey {
        guard let key = try? DKIMPrivateKey.make(algorithm) else { preconditionFailure("no key made") }
        return key
    }

    static func record(_ key: DKIMPrivateKey, selector: String = "s1") throws -> DKIMRecord {
        DKIMRecord(
            DKIMKey(
                domain: "shop.test",
                selector: selector,
                algorithm: key.algorithm,
                sealedPrivateKey: [],
                publicKey: try key.publicKey(),
                createdAt: Timestamp(seconds: 0)
            )
        )
    }

    static func resolver() throws -> TextRecords {
        TextRecords([
            "rsa._domainkey.shop.test": [try record(rsa).text], "ed._domainkey.shop.test": [try record(ed25519).text],
        ])
    }

    static func signer(_ algorithm: DKIMKey.Algorithm) -> DKIMSigner {
        DKIMSigner(domain: "shop.test", selector: algorithm == .rsaSHA256 ? "rsa" : "ed", key: key(algorithm))
    }
}

@Suite struct DKIMSignerTests {
    static let now = Timestamp(seconds: 1_800_000_000)

    struct Letter: Sendable, CustomTestStringConvertible {
        var name: String
        var text: String
        var testDescription: String { name }
        init(_ name: String, _ text: String) { (self.name, self.text) = (name, text) }
    }

    static let letters: [Letter] = [
        Letter("plain", "From: a@shop.test\r\nSubject: Hello\r\n\r\nHi\r\n"),
        Letter("no body", "From: a@shop.test\r\n\r\n"),
        Letter("no empty line", "From: a@shop.test\r\n"),
        Letter("trailing blank lines", "From: a@shop.test\r\n\r\nHi\r\n\r\n \r\n\t\r\n"),
        Letter("leading blank lines", "From: a@shop.test\r\n\r\n\r\n\r\nHi"),
        Letter("only blank lines", "From: a@shop.test\r\n\r\n\r\n\r\n"),
        Letter(
            "folded",
            "From: a@shop.test\r\nSubject: one\r\n two\r\n\tthree  \r\nTo:\r\n b@shop.test,\r\n c@shop.test\r\n\r\nHi \t x\r\n"
        ),
        Letter("8-bit", "From: \u{fc} <a@shop.test>\r\nSubject: \u{65e5}\u{672c}\r\n\r\n\u{e9}\u{301}\r\n"),
        Letter("odd spacing", "from : a@shop.test\r\nTO:b@shop.test\r\nSubject:\r\n\r\n  a  b\t\r\n"),
        Letter(
            "repeated fields",
            "From: a@shop.test\r\nTo: b@shop.test\r\nTo: c@shop.test\r\nList-Id: <l>\r\nList-Id: <m>\r\n\r\nHi\r\n"
        ),
        Letter("dots and dashes", "From: a@shop.test\r\n\r\n.\r\n..\r\n-- \r\nFrom x\r\n"),
        Letter("a NUL and lone line ends", "From: a@shop.test\r\n\r\n\0a\rb\nc\r\n"),
        Letter("a signature of another", "DKIM-Signature: v=1; d=other.test\r\nFrom: a@shop.test\r\n\r\nHi\r\n"),
        Letter("one long line", "From: a@shop.test\r\n\r\n" + String(repeating: "long ", count: 10_000)),
        Letter("empty fields", "From: a@shop.test\r\nSubject:\r\nCc: \r\n\r\n\r\n"),
    ]

    @Test("what is signed verifies", arguments: letters, DKIMKey.Algorithm.allCases)
    func roundTrip(_ letter: Letter, _ algorithm: DKIMKey.Algorithm) async throws {
        let message = Array(letter.text.utf8)
        let field = try SigningKeys.signer(algorithm).sign(message, now: Self.now)
        let results = await DKIMVerifier(resolver: try SigningKeys.resolver()).verify(field + message, now: Self.now)
        let own = try #require(results.first)
        #expect(own.result == .pass, "\(own.reason)")
        #expect(own.domain == "shop.test")
        #expect(own.algorithm == algorithm)
        // RFC 5322 §2.1.1: lines of at most 78 octets.
        #expect(field.suffix(2) == [13, 10])
        for line in field.split(separator: ASCII.lf) { #expect(line.count <= 79) }
    }

    struct Change: Sendable, CustomTestStringConvertible {
        var name: String
        var from: String
        var to: String
        var result: DKIMVerification.Result
        var testDescription: String { name }
        init(_ name: String, _ from: String, _ to: String, _ result: DKIMVerification.Result) {
            (self.name, self.from, self.to, self.result) = (name, from, to, result)
        }
    }

    static let changes: [Change] = [
        Change("a letter of the body", "Pay 100", "Pay 900", .fail),
        Change("a line more", "euros\r\n", "euros\r\nnow\r\n", .fail),
        Change("a line less", "\r\nSincerely\r\n", "\r\n", .fail),
        Change("the subject", "Subject: Invoice", "Subject: Reminder", .fail),
        Change("the author", "a@shop.test", "b@shop.test", .fail),
        Change("another author in front", "From: a@", "From: evil@shop.test\r\nFrom: a@", .fail),
        Change("a Cc that was not there", "From: a@", "Cc: c@shop.test\r\nFrom: a@", .fail),
        Change("a Reply-To that was not there", "From: a@", "Reply-To: evil@shop.test\r\nFrom: a@", .fail),
        Change("a Content-Type that was not there", "From: a@", "Content-Type: text/html\r\nFrom: a@", .fail),
        Change("the time of signing", "t=1800000000", "t=1800000001", .fail),
        Change("the signed names", "Subject:Subject:", "Subject:", .fail),
        Change("the selector", "s=ed", "s=zz", .permanentError),
        // RFC 6376 §3.4.2 and §3.4.4: what relaxed forgives.
        Change("white space in a field", "Subject: Invoice", "Subject:   Invoice\t", .pass),
        Change("a field folded elsewhere", "To: b@shop.test, c@shop.test", "To: b@shop.test,\r\n\tc@shop.test", .pass),
        Change("white space in a line", "Pay 100", "Pay \t 100 ", .pass),
        Change("blank lines at the end", "Sincerely\r\n", "Sincerely\r\n\r\n \r\n", .pass),
        Change("a field that is not signed", "From: a@", "Received: from x\r\nFrom: a@", .pass),
    ]

    @Test("a change is found, or forgiven", arguments: changes)
    func tampering(_ change: Change) async throws {
        let message = Array(
            "From: a@shop.test\r\nTo: b@shop.test, c@shop.test\r\nSubject: Invoice\r\n\r\nPay 100 euros\r\n\r\nSincerely\r\n"
                .utf8
        )
        let signed = try SigningKeys.signer(.ed25519SHA256).sign(message, now: Self.now) + message
        let tampered = try #require(replacingFirst(Array(change.from.utf8), by: Array(change.to.utf8), in: signed))
        let results = await DKIMVerifier(resolver: try SigningKeys.resolver()).verify(tampered, now: Self.now)
        #expect(results.map(\.result) == [change.result])
    }

    @Test func `every octet of the signed text matters`() async throws {
        let message = Array("From: a@shop.test\r\nSubject: x\r\n\r\nHi\r\n".utf8)
        let field = try SigningKeys.signer(.ed25519SHA256).sign(message, now: Self.now)
        let verifier = DKIMVerifier(resolver: try SigningKeys.resolver())
        let signed = field + message
        for index in signed.indices where signed[index] > 32 {
            var changed = signed
            // Neither white space nor the same letter in the other case.
            changed[index] ^= 0x03
            let results = await verifier.verify(changed, now: Self.now)
            #expect(!results.contains { $0.result == .pass }, "octet \(index)")
        }
    }

    @Test("From and what mail programs show is signed once more than it occurs, RFC 6376 §5.4")
    func oversigning() {
        let header = DKIMHeader(Array("From: a\r\nTo: b\r\nTo: c\r\nSender: d\r\nX: e\r\n\r\n".utf8))
        let names = DKIMSigner.signedNames(header)
        #expect(names.count { $0 == "From" } == 2)
        #expect(names.count { $0 == "To" } == 3)
        #expect(names.count { $0 == "Reply-To" } == 1)
        #expect(names.count { $0 == "Sender" } == 1)
        #expect(!names.contains("X") && !names.contains("List-Id"))
    }

    @Test func `a key comes out of its seal as it went in, and under its master only`() throws {
        let master = try #require(MasterKey(MasterKey.random()))
        let other = try #require(MasterKey(MasterKey.random()))
        for algorithm in DKIMKey.Algorithm.allCases {
            let key = SigningKeys.key(algorithm)
            let row = DKIMKey(
                domain: "shop.test",
                selector: "s",
                algorithm: algorithm,
                sealedPrivateKey: try key.sealed(with: master),
                publicKey: try key.publicKey(),
                createdAt: Self.now
            )
            #expect(try DKIMPrivateKey(unsealing: row, with: master).publicKey() == row.publicKey)
            #expect(throws: CryptoError.malformed) { try DKIMPrivateKey(unsealing: row, with: other) }
            #expect("\(key)" == "DKIMPrivateKey(redacted)")
        }
    }

    @Test("the Ed25519 key of RFC 8463 appendix A.2")
    func rfc8463Key() throws {
        let seed = try #require(Base64.decode(Array(RFC8463.ed25519Seed.utf8)))
        let key = DKIMPrivateKey.ed25519(try #require(Ed25519PrivateKey(seed: seed)))
        #expect(try SigningKeys.record(key).text == RFC8463.ed25519Record)
    }
}

/// nil when it is not there.
func replacingFirst(_ pattern: [UInt8], by replacement: [UInt8], in text: [UInt8]) -> [UInt8]? {
    for start in text.indices where text[start...].starts(with: pattern) {
        return text[..<start] + replacement + text[(start + pattern.count)...]
    }
    return nil
}
