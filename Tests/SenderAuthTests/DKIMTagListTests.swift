import MailPorts
import Testing

@testable import SenderAuth

@Suite struct DKIMTagListTests {
    @Test("tags with white space and folding, RFC 6376 §3.2")
    func reads() throws {
        let tags = try #require(DKIMTagList(Array(" v=1 ;\r\n\ta = rsa-sha256; h= From :\r\n To;b=ab\r\n cd==; ".utf8)))
        #expect(tags.names == ["v", "a", "h", "b"])
        #expect(tags.text("a") == "rsa-sha256")
        #expect(tags.list("h") == ["from", "to"])
        #expect(tags.compact("b") == Array("abcd==".utf8))
        #expect(tags["x"] == nil)
    }

    @Test(
        "what breaks the grammar",
        arguments: [
            "v", "v=1;;a=2", "=1", "1v=1", "v=1; v=2", "a b=1", "é=1",
            (0...64).map { "t\($0)=" }.joined(separator: ";"),
        ]
    )
    func refuses(_ text: String) {
        #expect(DKIMTagList(Array(text.utf8)) == nil)
    }

    @Test func `numbers are digits and fit`() throws {
        let tags = try #require(
            DKIMTagList(Array("a=12;b=;c=-1;d=1234567890123456789;e=1 2;f=000000000000000007".utf8))
        )
        #expect(tags.number("a") == 12)
        #expect(tags.number("f") == 7)
        for name in ["b", "c", "d", "e", "g"] { #expect(tags.number(name) == nil) }
    }

    @Test func `names tell case apart`() throws {
        let tags = try #require(DKIMTagList(Array("b=1; B=2".utf8)))
        #expect(tags.text("b") == "1")
        #expect(tags.text("B") == "2")
    }
}

@Suite struct DKIMRecordTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        var text: String
        var type: DKIMRecord.KeyType?
        var testDescription: String { text }
        init(_ text: String, _ type: DKIMRecord.KeyType?) { (self.text, self.type) = (text, type) }
    }

    static let samples: [Sample] = [
        Sample("v=DKIM1; k=rsa; p=AQID", .rsa), Sample("p=AQID", .rsa),
        Sample("k=ed25519; p=AQID; s=email; h=sha1:sha256", .ed25519),
        Sample("v=DKIM1; p=AQ ID; n=note; unknown=1", .rsa), Sample("v=DKIM1; p=", .rsa),
        // RFC 6376 §3.6.1: `v=` first and DKIM1 only.
        Sample("p=AQID; v=DKIM1", nil), Sample("v=DKIM2; p=AQID", nil), Sample("v=dkim1; p=AQID", nil),
        Sample("v=DKIM1; k=dsa; p=AQID", nil), Sample("v=DKIM1; k=rsa", nil), Sample("v=DKIM1; h=sha1; p=AQID", nil),
        Sample("v=DKIM1; s=other; p=AQID", nil), Sample("v=DKIM1; p=***", nil), Sample("v=spf1 -all", nil),
        Sample("", nil),
    ]

    @Test("a key record is read or refused", arguments: samples)
    func reads(_ sample: Sample) {
        #expect(DKIMRecord(sample.text)?.keyType == sample.type)
    }

    @Test func `flags, and the text that is published reads back`() throws {
        let flagged = try #require(DKIMRecord("v=DKIM1; t=y:s; p=AQID"))
        #expect(flagged.isTesting && flagged.isStrict)
        let revoked = try #require(DKIMRecord("v=DKIM1; p="))
        #expect(revoked.publicKey.isEmpty && !revoked.isTesting && !revoked.isStrict)
        let plain = try #require(DKIMRecord("k=ed25519; p=AQID"))
        #expect(plain.text == "v=DKIM1; k=ed25519; p=AQID")
        #expect(DKIMRecord(plain.text) == plain)
    }
}
