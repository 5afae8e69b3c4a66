import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

/// What wrong passkeys, codes and tokens say against a client's network, and right ones for it.
@Suite struct PasskeyConductTests {
    private let directory = FakeDirectory()
    private let store = FakeCredentials()
    private let clock = ManualClock()
    private let conduct = RecordingConduct()
    private let remote = IPAddress("192.0.2.1")

    private struct House {
        var service: PasskeyService
        var device: SoftAuthenticator
        var handle: [UInt8]
    }

    private func ready() async throws -> House {
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        let ann = try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(1),
                address: try #require(EmailAddress("ann@shop.test")),
                passwordHash: "x"
            )
        )
        let service = PasskeyService(
            store: store,
            directory: directory,
            key: [UInt8](repeating: 1, count: 32),
            policy: PasskeyPolicy(
                relyingParty: "mail.example.test",
                name: "Mail",
                origins: ["https://mail.example.test"]
            ),
            conduct: conduct
        )
        let creation = try await service.creation(ann, now: clock.now())
        let device = SoftAuthenticator()
        let made = device.register(creation)
        _ = try await service.register(made, name: "Phone", for: ann, remote: remote, now: clock.now())
        return House(service: service, device: device, handle: creation.userHandle)
    }

    private func answer(
        _ house: House,
        _ change: (inout SoftAuthenticator) -> Void = { _ in }
    ) async throws
        -> PasskeyAssertion
    {
        var device = house.device
        change(&device)
        return device.sign(try await house.service.signInRequest(nil, now: clock.now()), as: house.handle)
    }

    private func signIn(_ house: House, _ answer: PasskeyAssertion) async throws {
        _ = try await house.service.signIn(answer, address: nil, remote: remote, now: clock.now())
    }

    /// Accounts and secrets of failed sign-ins, each once.
    private var tried: Set<String> {
        Set(
            conduct.all.compactMap { note in
                if case .failedSignIn(let account, let secret) = note.conduct { "\(account) \(secret)" } else { nil }
            }
        )
    }

    @Test func onePasskeyCountsOnceWhateverIsWrongWithIt() async throws {
        let house = try await ready()
        let right = try await answer(house)
        try await signIn(house, right)
        #expect(conduct.all.map(\.conduct.misconduct) == [nil])
        // Answered before, for another page, and by a user whom nobody verified.
        try await signIn(house, right)
        try await signIn(house, try await answer(house) { $0.origin = "https://elsewhere.test" })
        try await signIn(house, try await answer(house) { $0.flags = 0x01 })
        #expect(conduct.all.count == 4 && tried.count == 1)
        #expect(tried.allSatisfy { $0.utf8.starts(with: "ann@shop.test passkey ".utf8) })
        // Those of nobody, and of others, are as many as are tried.
        try await signIn(house, try await answer(house) { $0.id[0] ^= 1 })
        try await signIn(house, try await answer(house) { $0.id[0] ^= 2 })
        #expect(tried.count == 3)
        #expect(conduct.all.allSatisfy { $0.remote == remote })
    }

    @Test func everyForgedSignatureCounts() async throws {
        let house = try await ready()
        let forged = try await answer(house) { $0.key = Ed25519PrivateKey() }
        try await signIn(house, forged)
        try await signIn(house, forged)
        #expect(tried.count == 1)
        try await signIn(house, try await answer(house) { $0.key = Ed25519PrivateKey() })
        #expect(tried.count == 2)
    }

    @Test func anAccountThatIsNotThereIsNoWayAround() async throws {
        var house = try await ready()
        house.handle = [0, 0, 0, 0, 0, 0, 0, 99]
        try await signIn(house, try await answer(house))
        try await signIn(house, try await answer(house) { $0.id[0] ^= 1 })
        #expect(tried.count == 2)
    }

    @Test func aTokenCountsUnderItsKindAndNoAddressIsSpeltSo() {
        for kind in LooseSecret.allCases { conduct.noteWrong(kind, "the same", of: remote) }
        #expect(tried.count == LooseSecret.allCases.count && tried.allSatisfy { $0.utf8.first == 32 })
        conduct.noteWrong(.invitation, "the same", of: nil)
        #expect(conduct.all.count == LooseSecret.allCases.count)
    }
}
