import MailModel
import MailboxEngine
import Testing

@Suite("Names of others' mailboxes") struct SharedNameTests {
    @Test func `Names are read and written back`() throws {
        let name = try #require(SharedName("Other Users/ann@shop.test/Work/2026"))
        #expect(name.namespace == .otherUsers && name.owner.description == "ann@shop.test")
        #expect(name.mailbox == "Work/2026" && name.text == "Other Users/ann@shop.test/Work/2026")
        let root = try #require(SharedName("Shared/support@shop.test"))
        #expect(root.namespace == .shared && root.mailbox == nil && root.text == "Shared/support@shop.test")
        // A separator and wildcards of an address would not stand in a name.
        let address = try #require(EmailAddress("a/b%c=d@shop.test"))
        let odd = SharedName(.otherUsers, address, "INBOX")
        #expect(odd.text == "Other Users/a=2Fb=25c=3Dd@shop.test/INBOX")
        #expect(SharedName(odd.text) == odd)
    }

    @Test(arguments: [
        "INBOX", "Shared", "Shared/", "Shared/Plans", "Shared/Plans/2026", "Other Users", "Other Users/",
        "other users/a@b.test/x",
        "Shared\u{301}/a@b.test/x", "Shared/a=2@b.test", "Shared/a=ZZ@b.test/x", "Sharedx/a@b.test/y",
        "Shared//a@b.test",
    ])
    func `Every other name is one's own`(_ name: String) { #expect(SharedName(name) == nil) }

    @Test func `Only patterns that reach there ask for what others share`() {
        for pattern in ["*", "%", "S*", "Shared", "Shared/%", "Shared/a@b.test/*", "Other Users/*", "Other%", "O%/a*"] {
            #expect(SharedName.mayMatch(pattern), "\(pattern)")
        }
        for pattern in ["INBOX", "", "Sent", "Sent%", "Archive/*", "Share", "Othe", "shared/*", "Work*"] {
            #expect(!SharedName.mayMatch(pattern), "\(pattern)")
        }
    }
}
