import OpenIDProvider
import Testing

@Suite("What an operator changes of the known mail programs") struct KnownMailClientsTests {
    private let added = "org.example.mail:/oauth2redirect"
    private let loopback = "http://127.0.0.1:49152/"

    @Test func programsComeAndGo() throws {
        let changes: [KnownMailClients.Change] = [
            .add(name: "Example Mail", address: added), .remove(name: "K-9 Mail"),
        ]
        let known = try #require(KnownMailClients.standard(with: changes).known)
        #expect(known.owner(ofRedirect: added)?.name == "Example Mail" && known.normalised(redirect: added) == added)
        #expect(known.normalised(redirect: "com.fsck.k9:/oauth2redirect") == nil)
        #expect(known.normalised(redirect: "eu.faircode.email:/") != nil)
        #expect(known.normalised(redirect: loopback) == "http://127.0.0.1/")
        #expect(KnownMailClients.standard.normalised(redirect: added) == nil)
    }

    @Test func thoseOnAComputerGoTogether() throws {
        let known = try #require(KnownMailClients.standard(with: [.remove(name: KnownMailClients.loopback)]).known)
        #expect(known.normalised(redirect: loopback) == nil)
        #expect(known.normalised(redirect: "com.fsck.k9:/oauth2redirect") != nil)
    }

    @Test(arguments: ["Thunderbird", "K9 Mail", "k-9 mail", ""]) func whatIsNotThereDoesNotGo(_ name: String) {
        let made = KnownMailClients.standard(with: [.remove(name: name)])
        #expect(made.known == nil && made.unknown == name)
    }

    @Test func oneIsPutInPlaceOfAnother() throws {
        let address = "com.fsck.k9:/oauth2redirect"
        let known = try #require(
            KnownMailClients.standard(with: [.add(name: "Own K-9", address: address), .remove(name: "K-9 Mail")]).known
        )
        #expect(known.owner(ofRedirect: address)?.name == "Own K-9")
    }
}
