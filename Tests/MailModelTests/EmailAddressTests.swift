import MailModel
import Testing

@Suite struct EmailAddressTests {
    @Test(arguments: [
        "a@b", "user@example.test", "first.last+tag@sub.example.test", "a!#$%&'*+-/=?^_`{|}~@example.test",
        "jörg@exämple.test",
        "user@xn--exmple-cua.test", "x@1.2.3", "u@under_score.test",
        String(repeating: "a", count: 64) + "@example.test",
        "u@\(String(repeating: "a", count: 63)).test",
    ])
    func `Reads plain addresses`(text: String) throws {
        let address = try #require(EmailAddress(text))
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "@", "a@", "@b", "a", "a b@c", "a@b c", ".a@b", "a.@b", "a..b@c", "a@b..c", "a@.b", "a@b.", "a@-b",
        "a@b\r\n", "a\0@b", "a@b\0",
        "\"a b\"@c", "a@[192.0.2.1]", "<a@b>", "a@b@c", "a,b@c", "a(b)@c", String(repeating: "a", count: 65) + "@b",
        "u@\(String(repeating: "a", count: 64)).test", "u@" + String(repeating: "a.", count: 127) + "ab",
    ])
    func `Refuses everything else`(text: String) {
        #expect(EmailAddress(text) == nil)
    }

    @Test func `Domains are lower case, local parts as written but equal in any case`() throws {
        let address = try #require(EmailAddress("User.Name@EXAMPLE.Test"))
        #expect(address.localPart == "User.Name")
        #expect(address.domain == "example.test")
        #expect(address.canonical == "user.name@example.test")
        #expect(address == EmailAddress("uSER.nAME@example.test"))
        #expect(Set([address, try #require(EmailAddress("user.name@example.test"))]).count == 1)
        #expect(EmailAddress("é@b") != EmailAddress("É@b"))
    }

    struct Quoted: CustomTestStringConvertible {
        var local: String
        var quoted: String
        init(_ local: String, _ quoted: String) { (self.local, self.quoted) = (local, quoted) }
        var testDescription: String { quoted }
    }

    /// RFC 5321 §4.1.2.
    static let quoted: [Quoted] = [
        Quoted("plain", "plain"), Quoted("a b", "\"a b\""), Quoted("a\"b", "\"a\\\"b\""), Quoted("a\\b", "\"a\\\\b\""),
        Quoted("", "\"\""),
        Quoted(".a", "\".a\""), Quoted("a.", "\"a.\""), Quoted("a..b", "\"a..b\""), Quoted("a@b", "\"a@b\""),
        Quoted("jörg", "jörg"),
        // A combining mark behind a quote makes one Character of both.
        Quoted("a\"\u{301}b", "\"a\\\"\u{301}b\""),
    ]

    @Test func `Two spellings of one letter are two addresses, as stores have it`() throws {
        let composed = EmailAddress(uncheckedLocalPart: "caf\u{E9}", domain: "shop.test")
        let decomposed = EmailAddress(uncheckedLocalPart: "cafe\u{301}", domain: "shop.test")
        #expect(composed.canonical == decomposed.canonical)
        #expect(composed != decomposed && !Set([composed]).contains(decomposed))
    }

    @Test(arguments: quoted) func `Quotes local parts where it must`(row: Quoted) {
        let address = EmailAddress(uncheckedLocalPart: row.local, domain: "example.test")
        #expect(Array(address.quotedLocalPart.utf8) == Array(row.quoted.utf8))
        #expect(address.description == row.quoted + "@example.test")
    }

    @Test func `Knows what needs SMTPUTF8`() {
        #expect(EmailAddress("jörg@example.test")?.needsUTF8 == true)
        #expect(EmailAddress("a@exämple.test")?.needsUTF8 == true)
        #expect(EmailAddress("a@example.test")?.needsUTF8 == false)
    }

    @Test func `The null path prints nothing`() {
        #expect(ReversePath.null.description == "")
        #expect(ReversePath.address(EmailAddress(uncheckedLocalPart: "a", domain: "B")).description == "a@b")
    }
}
