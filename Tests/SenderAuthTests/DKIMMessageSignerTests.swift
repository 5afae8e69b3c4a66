import ByteParsing
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Testing

@testable import SenderAuth

@Suite struct DKIMMessageSignerTests {
    let message = Array("From: a@shop.test\r\nSubject: Hello\r\n\r\nHi  there\r\n\r\n".utf8)
    let clock = FixedClock()

    private func directory(_ master: MasterKey) async throws -> FakeDirectory {
        let directory = FakeDirectory()
        let organisation = try await directory.addOrganisation(name: "Shop")
        var keys: [DKIMKey] = []
        for algorithm in DKIMKey.Algorithm.allCases {
            let key = SigningKeys.key(algorithm)
            keys.append(
                DKIMKey(
                    domain: "shop.test",
                    selector: algorithm == .rsaSHA256 ? "rsa" : "ed",
                    algorithm: algorithm,
                    sealedPrivateKey: try key.sealed(with: master),
                    publicKey: try key.publicKey(),
                    createdAt: clock.now()
                )
            )
        }
        _ = try await directory.addDomain("shop.test", organisation: organisation.id, keys: keys)
        _ = try await directory.addDomain("bare.test", organisation: organisation.id, keys: [])
        return directory
    }

    @Test func `a message leaves with one signature of each key`() async throws {
        let master = try #require(MasterKey(MasterKey.random()))
        let signer = DKIMMessageSigner(directory: try await directory(master), master: master, clock: clock)
        let fields = try await signer.sign(message, domain: "Shop.Test")
        let results = await DKIMVerifier(resolver: try SigningKeys.resolver()).verify(
            fields + message,
            now: clock.now()
        )
        #expect(results.map(\.result) == [.pass, .pass])
        #expect(Set(results.map(\.algorithm)) == [.rsaSHA256, .ed25519SHA256])
    }

    @Test func `a message that lies in a file is signed by its header and the hash of its body`() async throws {
        let master = try #require(MasterKey(MasterKey.random()))
        let signer = DKIMMessageSigner(directory: try await directory(master), master: master, clock: clock)
        let whole = DKIMHeader(message)
        var hasher = DKIMBodyHasher()
        for byte in whole.body { hasher.update([byte]) }
        let fields = try await signer.sign(
            header: Array(message[..<whole.body.startIndex]),
            bodyHash: hasher.finish(),
            domain: "shop.test"
        )
        #expect(fields == (try await signer.sign(message, domain: "shop.test")))
    }

    @Test func `a domain without keys is not signed for`() async throws {
        let master = try #require(MasterKey(MasterKey.random()))
        let signer = DKIMMessageSigner(directory: try await directory(master), master: master, clock: clock)
        #expect(try await signer.sign(message, domain: "bare.test").isEmpty)
        #expect(try await signer.sign(message, domain: "other.test").isEmpty)
    }

    @Test func `a key under another master key stops the message instead of letting it go unsigned`() async throws {
        let master = try #require(MasterKey(MasterKey.random()))
        let other = try #require(MasterKey(MasterKey.random()))
        let signer = DKIMMessageSigner(directory: try await directory(master), master: other, clock: clock)
        await #expect {
            _ = try await signer.sign(message, domain: "shop.test")
        } throws: { error in
            guard case .damaged? = error as? StoreError else { return false }
            return true
        }
    }

    @Test func `keys are kept for a while, and a store that is away is heard of after that`() async throws {
        let master = try #require(MasterKey(MasterKey.random()))
        let directory = try await directory(master)
        let clock = SteppingClock()
        let signer = DKIMMessageSigner(directory: directory, master: master, clock: clock, lifetimeSeconds: 60)
        _ = try await signer.sign(message, domain: "shop.test")
        directory.fail(with: .unavailable(reportID: "r1"))
        clock.advance(seconds: 59)
        #expect(!(try await signer.sign(message, domain: "shop.test").isEmpty))
        clock.advance(seconds: 1)
        await #expect(throws: StoreError.unavailable(reportID: "r1")) {
            try await signer.sign(message, domain: "shop.test")
        }
    }

    @Test func `more domains than there is room for are signed all the same`() async throws {
        let master = try #require(MasterKey(MasterKey.random()))
        let signer = DKIMMessageSigner(
            directory: try await directory(master),
            master: master,
            clock: clock,
            capacity: 1
        )
        for domain in ["shop.test", "bare.test", "shop.test"] {
            #expect(try await signer.sign(message, domain: domain).isEmpty == (domain == "bare.test"))
        }
    }
}
