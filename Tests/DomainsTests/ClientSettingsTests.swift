import Domains
import MailModel
import Testing

@Suite("Settings for mail programs") struct ClientSettingsTests {
    private let settings = ClientSettings(
        domain: "shop.test",
        host: MailHost(name: "mail.host.test", imapsPort: 993, imapPort: 143, submissionsPort: 465, submissionPort: 587)
    )
    private static let ann = EmailAddress(uncheckedLocalPart: "ann", domain: "shop.test")

    /// The text of every element of that name, in order.
    private func texts(_ name: String, _ document: String) -> [String] {
        document.split(separator: "<\(name)>").dropFirst().compactMap {
            $0.split(separator: "</").first.map(String.init)
        }
    }

    @Test func thunderbirdReadsTLSFirst() {
        let text = settings.thunderbird(for: Self.ann)
        #expect(texts("port", text) == ["993", "143", "465", "587"])
        #expect(texts("socketType", text) == ["SSL", "STARTTLS", "SSL", "STARTTLS"])
        #expect(Set(texts("hostname", text)) == ["mail.host.test"])
        #expect(Set(texts("username", text)) == ["ann@shop.test"])
        #expect(Set(texts("username", settings.thunderbird(for: nil))) == ["%EMAILADDRESS%"])
    }

    @Test func thunderbirdReadsWhereItSignsPeopleIn() {
        #expect(Set(texts("authentication", settings.thunderbird(for: Self.ann))) == ["password-cleartext"])
        #expect(!settings.thunderbird(for: Self.ann).contains("oAuth2"))
        let signing = ClientSettings(
            domain: "shop.test",
            host: settings.host,
            signIn: ClientSettings.SignIn(
                issuer: "https://mail.host.test",
                authorization: "https://mail.host.test/a?b&c",
                token: "https://mail.host.test/t",
                scope: "openid imap"
            )
        )
        let text = signing.thunderbird(for: Self.ann)
        // The first that a program knows is taken.
        #expect(
            texts("authentication", text)
                == Array(repeating: ["OAuth2", "password-cleartext"], count: 4).flatMap(\.self)
        )
        #expect(texts("issuer", text) == ["mail.host.test"] && texts("scope", text) == ["openid imap"])
        #expect(texts("authURL", text) == ["https://mail.host.test/a?b&amp;c"])
        #expect(texts("tokenURL", text) == ["https://mail.host.test/t"])
    }

    @Test func whatIsNotOfferedIsNotNamed() {
        let secure = ClientSettings(
            domain: "shop.test",
            host: MailHost(name: "mail.host.test", imapPort: nil, submissionPort: nil)
        )
        #expect(texts("port", secure.thunderbird(for: nil)) == ["993", "465"])
        let silent = ClientSettings(domain: "shop.test", host: MailHost(name: "m.test", imapsPort: nil, imapPort: nil))
        #expect(silent.appleProfile(for: Self.ann) == nil)
    }

    @Test func outlookGetsOneServerOfEach() {
        let text = settings.outlook(for: Self.ann)
        #expect(texts("Type", text) == ["IMAP", "SMTP"])
        #expect(texts("Port", text) == ["993", "465"])
        #expect(texts("LoginName", text) == ["ann@shop.test", "ann@shop.test"])
    }

    @Test(arguments: [
        (
            "<Autodiscover><Request><EMailAddress>ann@shop.test</EMailAddress></Request></Autodiscover>",
            "ann@shop.test", true
        ),
        (
            "<a:Request xmlns:a=\"x\">\r\n <a:EMailAddress >o&apos;neil@shop.test</a:EMailAddress></a:Request>",
            "o'neil@shop.test", true
        ),
        (
            "<EMailAddress>ann@shop.test</EMailAddress><AcceptableResponseSchema>urn:mobilesync</AcceptableResponseSchema>",
            "ann@shop.test", false
        ),
    ])
    func outlookAsks(_ document: String, _ address: String, _ asksForMail: Bool) throws {
        let question = try #require(ClientSettings.OutlookQuestion(document: Array(document.utf8)))
        #expect(question.address.description == address)
        #expect(question.asksForMail == asksForMail)
    }

    @Test(arguments: [
        "", "<", "<EMailAddress", "<EMailAddress>", "<EMailAddress/>", "<EMailAddress></EMailAddress>",
        "<EMailAddress>nobody</EMailAddress>", "<EMailAddress>a@b.test\r\nX: y</EMailAddress>",
        "<EMailAddress><b>ann@shop.test</b></EMailAddress>",
        "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><EMailAddress>&e;</EMailAddress>",
        "<EMailAddress>\(String(repeating: "a", count: 400))@shop.test</EMailAddress>",
    ])
    func whatIsNoQuestionIsNotTaken(_ document: String) {
        #expect(ClientSettings.OutlookQuestion(document: Array(document.utf8)) == nil)
    }

    /// Whatever an address holds stays text.
    @Test func markupIsEscaped() throws {
        let odd = EmailAddress(uncheckedLocalPart: "a<b>&\"'\u{1}", domain: "shop.test")
        for text in [
            settings.thunderbird(for: odd), settings.outlook(for: odd), try #require(settings.appleProfile(for: odd)),
        ] {
            #expect(text.contains("a&lt;b&gt;&amp;") && text.contains("&apos;"))
            #expect(!text.contains("a<b>") && !text.utf8.contains(1))
        }
    }

    @Test func aProfileIsTheSameForTheSameAddress() throws {
        let profile = try #require(settings.appleProfile(for: Self.ann))
        #expect(profile == settings.appleProfile(for: Self.ann))
        let other = try #require(
            settings.appleProfile(for: EmailAddress(uncheckedLocalPart: "bob", domain: "shop.test"))
        )
        func uuids(_ text: String) -> [String] {
            text.split(separator: "<key>PayloadUUID</key><string>").dropFirst().map { String($0.prefix(36)) }
        }
        #expect(uuids(profile).count == 2 && Set(uuids(profile) + uuids(other)).count == 4)
        #expect(profile.contains("<key>IncomingMailServerPortNumber</key><integer>993</integer>"))
        #expect(profile.contains("<key>OutgoingMailServerPortNumber</key><integer>465</integer>"))
    }

    @Test func aPolicyAsRFC8461HasIt() {
        let host = MailHost(name: "mail.host.test")
        let policy = TransportPolicy(mode: .enforce, lifetime: 604_800, host: host)
        #expect(policy.text == "version: STSv1\r\nmode: enforce\r\nmx: mail.host.test\r\nmax_age: 604800\r\n")
        // RFC 8461 §3.1: 1 to 32 letters and digits.
        #expect(policy.identifier.utf8.count == 20)
        #expect(policy.identifier.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) })
        #expect(policy.record == "v=STSv1; id=\(policy.identifier);")
        #expect(TransportPolicy(mode: .testing, lifetime: 604_800, host: host).identifier != policy.identifier)
    }
}
