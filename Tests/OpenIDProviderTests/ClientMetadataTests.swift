import MailModel
import MailPorts
import OpenIDProvider
import Testing

@Suite("Metadata of programs that register themselves (RFC 7591 §2)") struct ClientMetadataTests {
    private static let issuer = "https://mail.example.test"

    private func read(_ text: String) throws(RegistrationFault) -> ClientMetadata {
        try ClientMetadata(Array(text.utf8), issuer: Self.issuer)
    }

    private func fault(_ text: String) -> RegistrationFault.Code? {
        do throws(RegistrationFault) {
            _ = try read(text)
            return nil
        } catch {
            return error.code
        }
    }

    private static func redirects(_ list: String, more: String = "") -> String {
        "{\"redirect_uris\":[\(list)]\(more)}"
    }

    @Test func whatAMailProgramSaysIsRead() throws {
        let text = """
            {"redirect_uris": ["http://127.0.0.1:49152/", "http://[::1]/", "http://localhost", "http://localhost"],
             "client_name": "Thunderbird", "client_name#de": "Donnervogel", "token_endpoint_auth_method": "none",
             "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
             "scope": "openid offline_access imap smtp address", "software_id": "4NRB1-0XZABZI9E6-5SM3R",
             "software_version": "140", "client_uri": "https://www.thunderbird.example.test/", "logo_uri": "javascript:alert(1)",
             "jwks": {"keys": [{"kty": "EC"}]}, "contacts": null, "policy_uri": null}
            """
        let metadata = try read(text)
        #expect(metadata.name == "Thunderbird")
        #expect(metadata.redirectURIs == ["http://127.0.0.1:49152/", "http://[::1]/", "http://localhost"])
        #expect(metadata.scopes == [.openid, .offlineAccess, .imap, .smtp])
        // Nothing but addresses has to be said.
        let least = try read(Self.redirects("\"http://127.0.0.1/\""))
        #expect(least.name == nil && least.scopes == OAuthScope.allCases)
        let all = try read(Self.redirects("\"http://[::1]:1/a\"", more: ",\"scope\":\"\(OAuthScope.allMail)\""))
        #expect(all.scopes == [.imap, .smtp, .jmap, .pop])
    }

    @Test(arguments: KnownMailClient.all) func everyKnownProgramRegistersItsAddresses(_ known: KnownMailClient) throws {
        switch known.answers {
        case .loopback:
            #expect(fault(Self.redirects("\"http://localhost:12141/cb\"")) == nil)
        case .schemes(let addresses):
            for address in addresses {
                #expect(try read(Self.redirects("\"\(address)\"")).redirectURIs == [address])
                #expect(RedirectURI.fault(address, isPublic: true) == nil)
                #expect(KnownMailClients.standard.owner(ofRedirect: address) == known)
            }
        }
    }

    @Test(arguments: [
        "https://app.example.test/cb", "https://localhost/cb", "https://127.0.0.1/", "http://app.example.test/",
        "http://127.0.0.1.evil.test/", "http://127.0.0.1.evil.test:80/", "http://localhost.evil.test/",
        "http://localhostx/",
        "http://evil.test@127.0.0.1/", "http://127.0.0.1@evil.test/", "http://127.0.0.1:80@evil.test/",
        "http://localhost:@evil.test/", "http://localhost:80:90/", "http://localhost:/", "http://localhost:0/",
        "http://localhost:65536/", "http://localhost:999999/", "http://localhost:8o/", "http://127.0.0.1#/x",
        "http://127.0.0.1/#x", "http://127.0.0.1/?x", "http://127.0.0.1?x", "http://127.0.0.1/%2e",
        "http://127.0.0.1\\\\.evil.test/",
        "http://127.0.0.1/a b", "http://127.0.0.1/;x", "http://127.0.0.1\u{301}/", "http://127.0.0.1/\u{301}",
        "http://127.0.0.2/", "http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://0.0.0.0/", "http://[::]/",
        "http://[::1].evil.test/", "http://[::1%25eth0]/", "http://[0:0:0:0:0:0:0:1]/", "HTTP://127.0.0.1/",
        "http://LOCALHOST/", "http:/127.0.0.1/", "http:127.0.0.1/", "http:///127.0.0.1/", " http://127.0.0.1/",
        "http://127.0.0.1/ ", "//127.0.0.1/", "127.0.0.1", "javascript:alert(1)", "javascript://127.0.0.1/%0aalert(1)",
        "data:text/html,x", "file:///etc/passwd", "vbscript:x", "about:blank", "urn:ietf:wg:oauth:2.0:oob", "myapp:/cb",
        "com.example:/cb", "com.example.mail:/oauth2redirect", "com.fsck.k9:/other", "com.fsck.k9:/oauth2redirect/",
        "com.fsck.k9:/oauth2redirect?x", "com.fsck.k9:/oauth2redirect#x", "COM.FSCK.K9:/oauth2redirect",
        "com.fsck.k9://evil.test/oauth2redirect", "eu.faircode.email:/\u{301}", "",
    ])
    func anAddressThatIsNoMailProgramsIsRefused(_ address: String) {
        #expect(fault(Self.redirects("\"\(address)\"")) == .invalidRedirectURI)
        #expect(fault(Self.redirects("\"http://127.0.0.1/\",\"\(address)\"")) == .invalidRedirectURI)
    }

    @Test func addressesAreBounded() {
        let path = { (octets: Int) in "\"http://127.0.0.1/" + String(repeating: "a", count: octets - 1) + "\"" }
        #expect(fault(Self.redirects(path(64))) == nil)
        #expect(fault(Self.redirects(path(65))) == .invalidRedirectURI)
        #expect(fault(Self.redirects((1...3).map { path(60 + $0) }.joined(separator: ","))) == .invalidRedirectURI)
        let ports = { (count: Int) in (1...count).map { "\"http://127.0.0.1:\($0)/\"" }.joined(separator: ",") }
        #expect(fault(Self.redirects(ports(5))) == nil)
        #expect(fault(Self.redirects(ports(6))) == .invalidRedirectURI)
        for list in ["", "1", "null", "[\"http://127.0.0.1/\"]", "\"http://127.0.0.1/\",1"] {
            #expect(fault(Self.redirects(list)) == .invalidRedirectURI)
        }
        for text in [
            "{}", "{\"redirect_uris\":\"http://127.0.0.1/\"}", "{\"redirect_uris\":null}", "{\"redirect_uris\":{}}",
        ] {
            #expect(fault(text) == .invalidRedirectURI)
        }
    }

    @Test(arguments: [
        "\"token_endpoint_auth_method\":\"client_secret_basic\"", "\"token_endpoint_auth_method\":[\"none\"]",
        "\"token_endpoint_auth_method\":\"none\u{301}\"", "\"grant_types\":[\"password\"]",
        "\"grant_types\":[\"authorization_code\",\"implicit\"]", "\"grant_types\":[]",
        "\"grant_types\":\"authorization_code\"",
        "\"grant_types\":[\"refresh_token\"]", "\"grant_types\":[\"client_credentials\"]",
        "\"grant_types\":[\"authorization_code\",\"urn:ietf:params:oauth:grant-type:device_code\"]",
        "\"response_types\":[\"token\"]", "\"response_types\":[\"code\",\"code id_token\"]", "\"response_types\":[]",
        "\"response_types\":\"code\"", "\"scope\":[\"imap\"]", "\"scope\":\"admin\"", "\"scope\":\"\"",
        "\"scope\":\"imap\\u0000\"", "\"scope\":\"im\\\"ap\"", "\"client_name\":7", "\"client_name\":\"\"",
        "\"client_name\":\"a\\u0000b\"", "\"client_name\":\"a\\nb\"", "\"client_name\":\"a\\u007fb\"",
        "\"client_name\":\"a\\u0085b\"", "\"client_name\":\"1234567890123456789012345678901234567890123456789\"",
    ])
    func whatCannotBeIsRefused(_ member: String) {
        #expect(fault(Self.redirects("\"http://127.0.0.1/\"", more: "," + member)) == .invalidClientMetadata)
    }

    @Test(arguments: [
        "OONRUMAIL", "oonrumail sign-in", "0onRuMa1l", "O O N R U M A I L", "oonru-mail", "o.o.n.r.u.m.a.i.l",
        "oonrurnail",
        "OONRVMAIL", "My 00nrum@!l!", "mail.example.test", "Security of MAIL.Example.TEST",
    ])
    func aNameThatLooksLikeThePlatformsIsRefused(_ name: String) {
        let member = ",\"client_name\":\"\(name)\""
        #expect(fault(Self.redirects("\"http://127.0.0.1/\"", more: member)) == .invalidClientMetadata)
    }

    @Test(arguments: [
        "Почта", "О\u{41E}nrumail", "Mail\u{202E}lian", "Mail\u{200B}", "Mail\u{301}", "Caf\u{E9}", "\u{1F600}", "--",
        "   ",
    ])
    func aNameThatCouldDeceiveIsNotKept(_ name: String) throws {
        let text = Self.redirects("\"http://127.0.0.1/\"", more: ",\"client_name\":\"\(name)\"")
        #expect(try read(text).name == nil)
    }

    @Test func aStatementIsRefusedAsOne() {
        let statement = ",\"software_statement\":\"e30.e30.e30\""
        #expect(fault(Self.redirects("\"http://127.0.0.1/\"", more: statement)) == .invalidSoftwareStatement)
        #expect(fault(Self.redirects("\"http://127.0.0.1/\"", more: ",\"software_statement\":null")) == nil)
    }

    @Test func aHostileDocumentIsRefused() {
        let good = Self.redirects("\"http://127.0.0.1/\"")
        let deep = String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)
        let documents = [
            "", " ", "x", "[]", "\"x\"", "null", good + "x", good + good, String(good.dropLast()), "{\"a\":1,\"a\":1}",
            Self.redirects("\"http://127.0.0.1/\"", more: ",\"redirect_uris\":[\"http://localhost/\"]"), deep,
            Self.redirects("\"http://127.0.0.1/\"", more: ",\"x\":" + deep), "{\"a\":\"\\ud800\"}", "{'a':1}",
            Self.redirects(
                "\"http://127.0.0.1/\"",
                more: ",\"x\":\"" + String(repeating: "a", count: 1_048_576) + "\""
            ),
            Self.redirects("\"http://127.0.0.1/\"", more: String(repeating: " ", count: ClientMetadata.longest)),
        ]
        for text in documents { #expect(fault(text) == .invalidClientMetadata, "\(text.prefix(80))") }
        #expect(throws: RegistrationFault.self) { try ClientMetadata([0x7B, 0xFF, 0x7D], issuer: Self.issuer) }
        // Of every document that is cut off, none is taken and none traps.
        for length in 0..<good.utf8.count {
            #expect(fault(String(decoding: good.utf8.prefix(length), as: UTF8.self)) == .invalidClientMetadata)
        }
    }
}
