import PlatformConfig
import Testing

@Suite struct PasskeySettingsTests {
    private func settings(_ environment: [String: String]) throws -> PlatformSettings {
        try PlatformSettings.load(SettingSources(environment: environment))
    }

    struct Place: Sendable, CustomTestStringConvertible {
        var issuer: String
        var party: String
        var origin: String?
        init(_ issuer: String, _ party: String, _ origin: String?) {
            (self.issuer, self.party, self.origin) = (issuer, party, origin)
        }
        var testDescription: String { "\(issuer) for \(party)" }
    }

    static let places = [
        Place("https://mail.example.test", "mail.example.test", "https://mail.example.test"),
        Place("https://mail.example.test:443", "mail.example.test", "https://mail.example.test"),
        Place("https://mail.example.test:8443", "example.test", "https://mail.example.test:8443"),
        Place("http://localhost:8080", "localhost", "http://localhost:8080"),
        Place("https://example.test", "mail.example.test", nil),
        Place("https://evilexample.test", "example.test", nil),
        Place("https://mail.example.test.evil.test", "mail.example.test", nil),
        Place("http://127.0.0.1:8080", "localhost", nil),
    ]

    @Test("the provider's pages ask for passkeys where browsers let them, and are told of where not", arguments: places)
    func pages(_ place: Place) throws {
        let settings = try settings([
            "OONRUMAIL_HOSTNAME": "mail.example.test", "OONRUMAIL_OIDC_ISSUER": place.issuer,
            "OONRUMAIL_PASSKEY_RP_ID": place.party, "OONRUMAIL_PASSKEY_ORIGINS": "https://web.example.test",
        ])
        #expect(settings.passkeyIssuer == place.origin)
        #expect(settings.passkeyPages == Set(["https://web.example.test", place.origin].compactMap { $0 }))
        #expect(settings.warnings.count == (place.origin == nil ? 1 : 0))
    }

    @Test("without a provider there are no pages of it to ask or to warn of")
    func none() throws {
        let settings = try settings(["OONRUMAIL_HOSTNAME": "mail.example.test"])
        #expect(settings.passkeyIssuer == nil)
        #expect(settings.passkeyPages == ["https://mail.example.test"])
        #expect(settings.warnings.isEmpty)
        #expect(settings.signInReturnPage == nil)
    }
}
