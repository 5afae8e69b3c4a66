import Accounts
import Testing

@Suite("Names that nobody registers") struct ReservedNameTests {
    @Test(
        "Those that speak for the domain, however they are written",
        arguments: [
            "postmaster", "POSTMASTER", "Abuse", "admin", "hostmaster", "webmaster", "security", "root", "noreply",
            "no-reply", "no.reply", "no_reply", "post-master", "mailer-daemon", "mailerdaemon", "admin1", "admin-2024",
            "mta-sts", "mtasts", "ssl.admin",
        ]
    )
    func reserved(_ name: String) { #expect(ReservedNames.contain(name)) }

    @Test(
        "Names of people",
        arguments: ["ann", "rooter", "adminka", "abuser", "ann.root", "mary-ann", "bob99", "99", "", "supporter"]
    )
    func free(_ name: String) { #expect(!ReservedNames.contain(name)) }

    @Test func `what the standards name is in the list`() {
        // RFC 2142 and the addresses by which certificate authorities ask whose a domain is.
        let needed = [
            "info", "marketing", "sales", "support", "abuse", "noc", "security", "postmaster", "hostmaster", "usenet",
            "news", "webmaster", "www", "uucp", "ftp", "admin", "administrator",
        ]
        #expect(needed.allSatisfy(ReservedNames.all.contains))
    }
}
