import MailModel
import MailPorts
import OpenIDProvider
import Testing

@Suite("Programs that register themselves (RFC 7591)") struct ClientRegistrarTests {
    private let registrar = ClientRegistrar(secret: [UInt8](repeating: 7, count: 32))
    private let now = Timestamp(seconds: 1_700_000_000)

    private func metadata(
        _ redirects: [String],
        name: String? = "Thunderbird",
        scope: String? = nil
    ) throws
        -> ClientMetadata
    {
        let list = redirects.map { "\"\($0)\"" }.joined(separator: ",")
        let more = (name.map { ",\"client_name\":\"\($0)\"" } ?? "") + (scope.map { ",\"scope\":\"\($0)\"" } ?? "")
        return try ClientMetadata(
            Array("{\"redirect_uris\":[\(list)]\(more)}".utf8),
            issuer: "https://mail.example.test"
        )
    }

    @Test func theIdentifierHoldsTheClient() throws {
        let client = registrar.register(
            try metadata(["http://localhost:8080", "http://127.0.0.1:1/cb"], scope: "imap openid"),
            now: now
        )
        #expect(
            client.isSelfRegistered && client.isPublic && client.organisation == nil && client.name == "Thunderbird"
        )
        #expect(
            client.redirectURIs == ["http://127.0.0.1/cb", "http://localhost"] && client.scopes == ["openid", "imap"]
        )
        #expect(registrar.client(client.id, now: now) == client)
        #expect(client.id.utf8.allSatisfy { $0 < 127 && $0 > 44 && $0 != 61 })
        let all = registrar.register(try metadata(["http://127.0.0.1/"]), now: now)
        #expect(registrar.client(all.id, now: now)?.scopes == OAuthScope.allCases.map(\.rawValue))
    }

    @Test func theSameMetadataIsTheSameClient() throws {
        let one = registrar.register(try metadata(["http://127.0.0.1:1/", "http://localhost/"]), now: now)
        let two = registrar.register(
            try metadata(["http://localhost:9/", "http://127.0.0.1:50000/", "http://127.0.0.1:50001/"]),
            now: now.adding(seconds: 60)
        )
        #expect(one.id == two.id)
        for other in [
            try metadata(["http://127.0.0.1/"]),
            try metadata(["http://127.0.0.1/", "http://localhost/"], name: "Other"),
            try metadata(["http://127.0.0.1/", "http://localhost/"], scope: "imap"),
        ] { #expect(registrar.register(other, now: now).id != one.id) }
        #expect(
            ClientRegistrar(secret: [8]).register(try metadata(["http://127.0.0.1:1/", "http://localhost/"]), now: now)
                .id != one.id
        )
    }

    @Test func aProgramWithoutANameHasThatOfItsScheme() throws {
        #expect(registrar.register(try metadata(["eu.faircode.email:/"], name: nil), now: now).name == "FairEmail")
        #expect(
            registrar.register(try metadata(["http://[::1]/"], name: nil), now: now).name == ClientRegistrar.nameless
        )
    }

    @Test func theLongestClientHasAnIdentifierThatIsTaken() throws {
        let name = String(repeating: "n", count: ClientMetadata.longestName)
        // With the blanks between them as many octets as may be.
        let path = String(repeating: "p", count: 48)
        let paths = ["a", "b", "c"].map { "http://127.0.0.1/" + path.dropLast() + $0 }
        let client = registrar.register(try metadata(paths, name: name), now: now)
        #expect(client.redirectURIs.joined(separator: " ").utf8.count == 197)
        #expect(client.id.utf8.count <= OAuthClient.longestID)
        #expect(registrar.client(client.id, now: now) == client)
    }

    @Test func anotherIdentifierIsNone() throws {
        let id = registrar.register(try metadata(["http://127.0.0.1/"]), now: now).id
        #expect(ClientRegistrar(secret: [8]).client(id, now: now) == nil)
        var bytes = Array(id.utf8)
        for index in bytes.indices {
            let kept = bytes[index]
            bytes[index] = kept == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(registrar.client(String(decoding: bytes, as: UTF8.self), now: now) == nil)
            bytes[index] = kept
            #expect(registrar.client(String(decoding: bytes.prefix(index), as: UTF8.self), now: now) == nil)
        }
        for text in [
            id + "A", id + "=", id + " ", id + "\u{301}", "self-", "self-AAAA", "",
            String(repeating: "A", count: 9_000),
        ] {
            #expect(registrar.client(text, now: now) == nil)
        }
    }

    @Test func anyPortIsGoodWhenPeopleAreAsked() throws {
        let client = registrar.register(try metadata(["http://127.0.0.1:1/cb", "eu.faircode.email:/"]), now: now)
        func asks(_ redirect: String, challenge: String? = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") -> Bool {
            var fields = ["redirect_uri": redirect, "response_type": "code", "scope": "openid \(OAuthScope.allMail)"]
            fields["code_challenge"] = challenge
            fields["code_challenge_method"] = challenge.map { _ in "S256" }
            let asked = try? AuthorizationRequest(fields, client: client)
            return asked?.scopes == ["openid", "imap", "smtp", "jmap", "pop"]
        }
        #expect(asks("http://127.0.0.1:49152/cb") && asks("http://127.0.0.1/cb") && asks("eu.faircode.email:/"))
        #expect(!asks("http://127.0.0.1:49152/cb", challenge: nil))
        for other in [
            "http://127.0.0.1:49152/", "http://localhost:1/cb", "https://127.0.0.1/cb", "http://127.0.0.1.evil.test/cb",
            "http://127.0.0.1:1@evil.test/cb", "eu.faircode.email:/x", "com.fsck.k9:/oauth2redirect",
        ] { #expect(!asks(other)) }
    }
}
