import PlatformConfig
import Testing

@Suite("OONRUMAIL_MAIL_CLIENTS") struct MailClientChangeTests {
    @Test(arguments: [
        "Example Mail=org.example.mail:/oauth2redirect", "M=a.b:/", "M=org.example:/a/b.c_d~e-f", "-K-9 Mail",
        "-loopback",
        "M=org.example.mail://oauth2redirect",
    ]) func isReadAndWritten(_ text: String) {
        #expect(MailClientChange(text)?.description == text)
    }

    @Test(arguments: [
        "", "-", "=", "Name", "Name=", "=org.example:/x", "Web=https://app.example.test/cb", "Web=http://127.0.0.1/",
        "Script=javascript:/x", "Any=mail:/x", "Any=.a:/x", "Any=a.:/x", "Any=a..b:/x", "Any=1.b:/x",
        "Any=Org.example:/x",
        "Any=org.example:x", "Any=org.example:/x?y", "Any=org.example:/x#y", "Any=org.example:/x y",
        "Any=org.example:/%2e",
        "Any=org.example:/\u{301}", " Any=org.example:/x", "Any =org.example:/x", "Any\u{301}=org.example:/x", "-a\nb",
    ]) func whatCouldBeEverybodysIsRefused(_ text: String) {
        #expect(MailClientChange(text) == nil)
    }

    @Test func bothHaveBounds() {
        let (name, path) = (String(repeating: "n", count: 48), String(repeating: "p", count: 137))
        #expect(MailClientChange("\(name)=org.example:/\(path)") != nil)
        #expect(MailClientChange("\(name)n=org.example:/\(path)") == nil)
        #expect(MailClientChange("\(name)=org.example:/\(path)p") == nil)
        #expect(MailClientChange("-\(name)n") == nil)
    }
}
