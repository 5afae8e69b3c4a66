import ByteParsing
import MailCrypto
import MailModel
import MailPorts
import Testing

@testable import SenderAuth

@Suite struct DKIMVerifierTests {
    static let now = Timestamp(seconds: 1_800_000_000)

    @Test("both signatures of RFC 8463 appendix A.3 verify")
    func rfc8463() async {
        let results = await DKIMVerifier(resolver: RFC8463.records).verify(RFC8463.message, now: Self.now)
        #expect(results.map(\.result) == [.pass, .pass])
        #expect(results.map(\.algorithm) == [.ed25519SHA256, .rsaSHA256])
        #expect(results.map(\.selector) == ["brisbane", "test"])
    }

    @Test("a simple/simple signature and a bare RSAPublicKey verify, RFC 6376 erratum 3017")
    func rfc6376() async throws {
        let verifier = DKIMVerifier(resolver: RFC6376.records)
        #expect(await verifier.verify(RFC6376.message, now: Self.now).map(\.result) == [.pass])
        // Simple forgives nothing.
        let spaced = try #require(
            replacingFirst(Array("Subject: Is".utf8), by: Array("Subject:  Is".utf8), in: RFC6376.message)
        )
        #expect(await verifier.verify(spaced, now: Self.now).map(\.result) == [.fail])
        let refolded = try #require(
            replacingFirst(Array(" c=simple/simple;".utf8), by: Array("  c=simple/simple;".utf8), in: RFC6376.message)
        )
        #expect(await verifier.verify(refolded, now: Self.now).map(\.result) == [.fail])
    }

    @Test func `an unsigned message has no result`() async {
        #expect(
            await DKIMVerifier(resolver: RFC8463.records).verify(Array("From: a@shop.test\r\n\r\n".utf8), now: Self.now)
                .isEmpty
        )
        #expect(await DKIMVerifier(resolver: RFC8463.records).verify([], now: Self.now).isEmpty)
    }

    @Test("signatures beyond the limit are not looked at, RFC 6376 §8.4")
    func many() async {
        let message = Array(String(repeating: "DKIM-Signature: v=1\r\n", count: 500).utf8)
        #expect(
            await DKIMVerifier(resolver: RFC8463.records).verify(message, now: Self.now).count
                == DKIMVerifier.maximumSignatures
        )
    }

    // MARK: - Keys

    struct KeyState: Sendable, CustomTestStringConvertible {
        var name: String
        /// Put between version and key; nil for a name that does not exist.
        var record: String?
        var result: DKIMVerification.Result
        var reason: String
        var testDescription: String { name }
        init(_ name: String, _ record: String?, _ result: DKIMVerification.Result, _ reason: String) {
            (self.name, self.record, self.result, self.reason) = (name, record, result, reason)
        }
    }

    static let keyStates: [KeyState] = [
        KeyState("none", nil, .permanentError, "no key for signature"),
        KeyState("good", "v=DKIM1; k=ed25519; p=KEY", .pass, "good signature"),
        KeyState("testing", "v=DKIM1; k=ed25519; t=y; p=KEY", .pass, "good signature"),
        KeyState("revoked", "v=DKIM1; k=ed25519; p=", .permanentError, "key revoked"),
        KeyState("of another kind", "v=DKIM1; k=rsa; p=KEY", .permanentError, "inappropriate key algorithm"),
        KeyState(
            "another key",
            "v=DKIM1; k=ed25519; p=\(String(repeating: "A", count: 43))=",
            .fail,
            "signature did not verify"
        ),
        KeyState("too short", "v=DKIM1; k=ed25519; p=AQID", .fail, "signature did not verify"),
        KeyState("no record of a key", "v=spf1 -all", .permanentError, "key syntax error"),
        KeyState("for another hash", "v=DKIM1; k=ed25519; h=sha1; p=KEY", .permanentError, "key syntax error"),
    ]

    @Test("the state of the key decides", arguments: keyStates)
    func keys(_ state: KeyState) async throws {
        let message = Array("From: a@shop.test\r\n\r\nHi\r\n".utf8)
        let signed = try SigningKeys.signer(.ed25519SHA256).sign(message, now: Self.now) + message
        let key = String(decoding: Base64.encode(try SigningKeys.ed25519.publicKey()), as: UTF8.self)
        var resolver = TextRecords([:])
        if let record = state.record {
            let parts = record.split(separator: "KEY", omittingEmptySubsequences: false)
            resolver.texts["ed._domainkey.shop.test"] = [parts.joined(separator: key)]
        }
        let results = await DKIMVerifier(resolver: resolver).verify(signed, now: Self.now)
        #expect(results.map(\.result) == [state.result])
        #expect(results.map(\.reason) == [state.reason])
        #expect(results.map(\.isTesting) == [state.name == "testing"])
    }

    @Test func `a name server that is away makes the result temporary`() async throws {
        let message = Array("From: a@shop.test\r\n\r\nHi\r\n".utf8)
        let signed = try SigningKeys.signer(.ed25519SHA256).sign(message, now: Self.now) + message
        let resolver = TextRecords([:], failure: .temporary(reason: "time-out"))
        #expect(await DKIMVerifier(resolver: resolver).verify(signed, now: Self.now).map(\.result) == [.temporaryError])
    }

    @Test("an RSA key of less than 1,024 bits does not count, RFC 8301 §3.2")
    func weakKey() async throws {
        let weak = DKIMPrivateKey.rsa(try RSAKey.generate(bits: 768))
        let message = Array("From: a@shop.test\r\n\r\nHi\r\n".utf8)
        let signed =
            try DKIMSigner(domain: "shop.test", selector: "weak", key: weak).sign(message, now: Self.now) + message
        let resolver = TextRecords(["weak._domainkey.shop.test": [try SigningKeys.record(weak).text]])
        #expect(await DKIMVerifier(resolver: resolver).verify(signed, now: Self.now).map(\.result) == [.policy])
    }

    // MARK: - Signatures that the signer does not make

    struct Tags: Sendable, CustomTestStringConvertible {
        var name: String
        var tags: String
        var flags: String
        var body: String
        var result: DKIMVerification.Result
        var reason: String
        var testDescription: String { name }
        init(
            _ name: String,
            _ tags: String,
            flags: String = "",
            body: String = "Hi\r\n",
            _ result: DKIMVerification.Result,
            _ reason: String
        ) {
            (self.name, self.tags, self.flags, self.body, self.result, self.reason) = (
                name, tags, flags, body, result, reason
            )
        }
    }

    static let base = "v=1; a=ed25519-sha256; d=shop.test; s=x; h=from; "
    static let variants: [Tags] = [
        Tags("simple by default", base, .pass, "good signature"),
        Tags("relaxed header, simple body", base + "c=relaxed; ", .pass, "good signature"),
        Tags("simple header, relaxed body", base + "c=simple/relaxed; ", .pass, "good signature"),
        Tags("not yet expired", base + "t=1799999999; x=1800000000; ", .pass, "good signature"),
        Tags("expired", base + "t=1; x=1799999999; ", .permanentError, "signature expired"),
        Tags("expired before it was made", base + "t=2; x=1; ", .permanentError, "signature syntax error"),
        Tags("i= of the domain", base + "i=a@Shop.Test; ", .pass, "good signature"),
        Tags("i= below the domain", base + "i=@mail.shop.test; ", .pass, "good signature"),
        Tags(
            "i= below the domain, strict key",
            base + "i=@mail.shop.test; ",
            flags: "t=s; ",
            .permanentError,
            "i= outside the domain"
        ),
        Tags("i= of the domain, strict key", base + "i=a@shop.test; ", flags: "t=s; ", .pass, "good signature"),
        Tags("i= of a domain that ends alike", base + "i=a@evilshop.test; ", .permanentError, "domain mismatch"),
        Tags("i= of another domain", base + "i=a@other.test; ", .permanentError, "domain mismatch"),
        Tags("i= without a domain", base + "i=a; ", .permanentError, "domain mismatch"),
        Tags("l= of the whole body", base + "l=4; ", .pass, "good signature"),
        Tags("l= beyond the body", base + "l=5; ", .permanentError, "l= exceeds the body"),
        Tags("l= of a part", base + "l=2; ", .policy, "body longer than l="),
        Tags("l= that is no number", base + "l=-1; ", .permanentError, "signature syntax error"),
        Tags("unknown tags", base + "zz=1; ", .pass, "good signature"),
        Tags("another query method", base + "q=http; ", .permanentError, "unsupported query method"),
        Tags("query methods, one of them known", base + "q=x:dns/txt; ", .pass, "good signature"),
        Tags("From in other case", "v=1; a=ed25519-sha256; d=shop.test; s=x; h=FROM; ", .pass, "good signature"),
        Tags(
            "From not signed",
            "v=1; a=ed25519-sha256; d=shop.test; s=x; h=to; ",
            .permanentError,
            "From field not signed"
        ),
        Tags("no h=", "v=1; a=ed25519-sha256; d=shop.test; s=x; ", .permanentError, "missing h="),
        Tags("version 2", "v=2; a=ed25519-sha256; d=shop.test; s=x; h=from; ", .permanentError, "incompatible version"),
        // RFC 8301 §3.1: "rsa-sha1 MUST NOT be used".
        Tags("rsa-sha1", "v=1; a=rsa-sha1; d=shop.test; s=x; h=from; ", .permanentError, "unsupported algorithm"),
        Tags("an unknown form", base + "c=nofws; ", .permanentError, "unsupported canonicalization"),
        Tags("a tag twice", base + "s=y; ", .permanentError, "signature syntax error"),
        Tags("no domain name", "v=1; a=ed25519-sha256; d=-; s=x; h=from; ", .permanentError, "signature syntax error"),
    ]

    @Test("tags of a signature", arguments: variants)
    func tags(_ variant: Tags) async throws {
        let message = Array("From: a@shop.test\r\n\r\n\(variant.body)".utf8)
        let signed = try Self.handSigned(message, variant.tags)
        let text = try SigningKeys.record(SigningKeys.ed25519).text
        let record = "v=DKIM1; " + variant.flags + text.dropFirst("v=DKIM1; ".count)
        let results = await DKIMVerifier(resolver: TextRecords(["x._domainkey.shop.test": [record]])).verify(
            signed,
            now: Self.now
        )
        #expect(results.map(\.result) == [variant.result])
        #expect(results.map(\.reason) == [variant.reason])
    }

    /// Signs with any tags, sound or not; the hashes are right wherever the tags can be read.
    static func handSigned(_ message: [UInt8], _ tags: String) throws -> [UInt8] {
        let header = DKIMHeader(message)
        let read = DKIMTagList(Array(tags.utf8))
        let forms = (read?.text("c") ?? "simple/simple").split(separator: "/").map {
            DKIMCanonicalisation(rawValue: String($0)) ?? .simple
        }
        var hasher = DKIMBodyHasher(forms.count > 1 ? forms[1] : .simple, limit: read?.number("l").map { Int($0) })
        hasher.update(header.body)
        let bodyHash = String(decoding: Base64.encode(hasher.finish()), as: UTF8.self)
        let value = Array(" \(tags)bh=\(bodyHash); b=".utf8)
        var input = header.canonical(read?.list("h") ?? [], forms[0])
        switch forms[0] {
        case .relaxed: input += DKIMCanonicalisation.relaxed(name: "dkim-signature".utf8, value: value).dropLast(2)
        case .simple: input += Array("DKIM-Signature:".utf8) + value
        }
        let signature = Base64.encode(try SigningKeys.ed25519.sign(input))
        return Array("DKIM-Signature:".utf8) + value + signature + [13, 10] + message
    }
}
