import Directories
import DirectoryLDAP
import MailModel
import MailPorts
import Testing

@Suite("Synchronisation") struct DirectorySyncTests {
    @Test func `a run suspends its share at most, and one person where the share is less`() {
        #expect(DirectorySync.mostSuspended(of: 100, 20) == 20)
        #expect(DirectorySync.mostSuspended(of: 4, 20) == 1)
        #expect(DirectorySync.mostSuspended(of: 4, 0) == 0)
        #expect(DirectorySync.mostSuspended(of: 7, 50) == 3)
        #expect(DirectorySync.mostSuspended(of: 0, 100) == 1)
    }
}

@Suite("Values of directories") struct DirectoryTextTests {
    @Test func `names are bounded and hold no control characters`() {
        #expect(DirectoryText.name("Ann\r\nBcc: x\u{7F}") == "AnnBcc: x")
        #expect(DirectoryText.name(String(repeating: "ü", count: 300)).utf8.count == 200)
        #expect(DirectoryText.name(nil) == "")
    }

    @Test func `languages are the first of a list`() {
        #expect(DirectoryText.language("de, en;q=0.5")?.description == "de")
        #expect(DirectoryText.language("en-gb;q=0.8, en;q=0.7")?.description == "en-GB")
        #expect(
            DirectoryText.language("!") == nil && DirectoryText.language(nil) == nil
                && DirectoryText.language("") == nil
        )
    }

    @Test func `flags and quotas`() {
        #expect(
            DirectoryText.isDisabled("nsAccountLock", ["TRUE"]) && !DirectoryText.isDisabled("nsAccountLock", ["false"])
        )
        #expect(
            DirectoryText.isDisabled("userAccountControl", ["514"])
                && !DirectoryText.isDisabled("userAccountControl", ["512"])
        )
        #expect(!DirectoryText.isDisabled("x", []))
        #expect(
            DirectoryText.quota("5000") == 5_000 && DirectoryText.quota("-1") == nil
                && DirectoryText.quota("5 MB") == nil
        )
    }
}

@Suite("Judged addresses of directories") struct LDAPJudgementTests {
    private func objection(_ url: String, startsTLS: Bool = true, _ options: LDAPClientOptions = .init()) -> String? {
        let client = LDAPClient(options) { throw DNSError.temporary(reason: "none in tests") }
        var source = LDAPSource(url: url, base: "dc=x", filter: "(mail={address})")
        source.startsTLS = startsTLS
        return client.objection(to: source)?.field
    }

    @Test(arguments: [
        "ldaps://127.0.0.1", "ldaps://10.0.0.1", "ldap://169.254.169.254", "ldaps://[::1]", "ldaps://[fd00::1]",
        "ldaps://[::ffff:192.168.0.1]", "http://a.test", "ldapi:///",
    ])
    func `addresses inside are refused`(_ url: String) { #expect(objection(url) == "url") }

    @Test func `networks are opened by the operator, and plain text by another word`() throws {
        var options = LDAPClientOptions()
        options.networks = [try #require(IPNetwork("10.0.0.0/8"))]
        #expect(objection("ldaps://10.0.0.1", options) == nil && objection("ldaps://192.168.0.1", options) == "url")
        #expect(objection("ldap://10.0.0.1", startsTLS: false, options) == "start_tls")
        options.takesPlain = true
        #expect(objection("ldap://10.0.0.1", startsTLS: false, options) == nil)
    }

    @Test func `nobody is asked for with an empty password`() async throws {
        var options = LDAPClientOptions()
        options.networks = [try #require(IPNetwork("127.0.0.0/8"))]
        let client = LDAPClient(options) { throw DNSError.temporary(reason: "none in tests") }
        // Nothing listens there: a question would fail.
        let source = LDAPSource(url: "ldaps://127.0.0.1:1", base: "dc=x", filter: "(mail={address})")
        let connection = DirectoryConnection(domain: "x.test", source: .ldap(source), sealedSecret: nil, setBy: .owner)
        let entry = DirectoryEntry(key: "uid=ann", address: try #require(EmailAddress("ann@x.test")))
        let open = OpenDirectory(connection, secret: nil)
        #expect(try await !client.verify("", of: entry, source, in: open))
        await #expect(throws: DirectoryFault.unreachable) { try await client.verify("x", of: entry, source, in: open) }
    }
}
