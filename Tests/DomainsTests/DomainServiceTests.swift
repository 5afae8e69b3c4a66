import ByteParsing
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import SenderAuth
import Testing

@testable import Domains

@Suite struct DomainServiceTests {
    static let now = Timestamp(seconds: 1_769_817_600)  // 2026-01-31
    static let actor = DomainLife.Actor("cli")

    private func service(_ directory: FakeDirectory) throws -> (DomainService, MasterKey) {
        let master = try #require(MasterKey(MasterKey.random()))
        return (DomainService(directory: directory, master: master, host: MailHost(name: "mail.shop.test")), master)
    }

    @Test func `a domain gets a sealed key of each algorithm, named by the day`() async throws {
        let directory = FakeDirectory()
        let (service, master) = try service(directory)
        let organisation = try await directory.addOrganisation(name: "Shop")
        let domain = try await service.addDomain(
            "Shop.TEST",
            organisation: organisation.id,
            actor: Self.actor,
            now: Self.now
        )
        #expect(domain.name == "shop.test")
        let keys = try await directory.signingKeys(of: "shop.test").sorted { $0.selector < $1.selector }
        #expect(keys.map(\.selector) == ["ed20260131", "rsa20260131"])
        #expect(keys.map(\.algorithm) == [.ed25519SHA256, .rsaSHA256])
        for key in keys {
            #expect(try DKIMPrivateKey(unsealing: key, with: master).publicKey() == key.publicKey)
        }
        let rsa = try #require(keys.last)
        #expect(RSAKey.bits(publicDER: rsa.publicKey) == 2_048)
    }

    @Test func `the records name the host, the keys and the policies`() async throws {
        let directory = FakeDirectory()
        let (service, _) = try service(directory)
        let organisation = try await directory.addOrganisation(name: "Shop")
        _ = try await service.addDomain("shop.test", organisation: organisation.id, actor: Self.actor, now: Self.now)
        let records = try await service.records(of: "SHOP.test")
        #expect(
            records.map(\.name) == [
                "shop.test", "shop.test", "mail.shop.test", "ed20260131._domainkey.shop.test",
                "rsa20260131._domainkey.shop.test",
                "_dmarc.shop.test", "_smtp._tls.shop.test", "_submissions._tcp.shop.test", "_submission._tcp.shop.test",
                "_imaps._tcp.shop.test",
                "_imap._tcp.shop.test",
            ]
        )
        for record in records where record.name.utf8.contains(UInt8(ascii: "_")) && record.value.hasPrefix("v=DKIM1") {
            #expect(DKIMRecord(record.value) != nil)
        }
        #expect(try await service.zoneFile(of: "shop.test") == ZoneFile.text(records))
    }

    @Test func `a domain is hosted once`() async throws {
        let directory = FakeDirectory()
        let (service, _) = try service(directory)
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        await #expect(throws: StoreError.alreadyExists) {
            try await service.addDomain("SHOP.test", organisation: OrganisationID(2), actor: Self.actor, now: Self.now)
        }
    }

    @Test func `a domain that is not hosted has no records`() async throws {
        let (service, _) = try service(FakeDirectory())
        await #expect(throws: StoreError.notFound) { try await service.records(of: "other.test") }
        await #expect(throws: StoreError.notFound) { try await service.zoneFile(of: "other.test") }
    }

    @Test(
        "what is no host name is refused",
        arguments: [
            "", "shop", "shop..test", ".shop.test", "shop.test.", "-shop.test", "shop-.test", "sh op.test",
            "shop_.test", "192.0.2.1",
            "[192.0.2.1]", "m\u{fc}nchen.test", "shop.test\n", "shop.test\"",
            String(repeating: "a", count: 64) + ".test",
            String(repeating: "a.", count: 110) + "test",
        ]
    )
    func refused(_ name: String) async throws {
        let directory = FakeDirectory()
        let (service, _) = try service(directory)
        await #expect {
            _ = try await service.addDomain(name, organisation: OrganisationID(1), actor: Self.actor, now: Self.now)
        } throws: { error in
            guard case .refused? = error as? StoreError else { return false }
            return true
        }
        #expect(try await directory.domains(of: nil, after: nil, limit: 10).isEmpty)
    }

    @Test(
        "what is a host name is taken",
        arguments: ["shop.test", "xn--mnchen-3ya.test", "a.b.c.d.example.test", "3shop.test", "a--b.test"]
    )
    func taken(_ name: String) throws {
        #expect(try HostedName(name).text == name)
    }
}
