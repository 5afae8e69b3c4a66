import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite struct TokenKeyTests {
    let directory = FakeDirectory()
    let keys = FakeTokenKeys()
    let clock = ManualClock()
    let master = MasterKey(MasterKey.random())

    private func maker(_ change: (inout TokenKeyLimits) -> Void = { _ in }) throws -> TokenKeyMaker {
        var limits = TokenKeyLimits()
        change(&limits)
        return TokenKeyMaker(store: keys, masterKey: try #require(master), limits: limits)
    }

    private func ring(_ maker: TokenKeyMaker) async throws -> TokenKeyRing {
        try await TokenKeyRing.load(maker: maker, sessions: directory, interval: .zero, now: clock.now())
    }

    @Test func theKeyOfEarlierReleasesIsTheFirst() async throws {
        let secret = try await directory.platformSecret("token-signing-key") {
            SecretBox.seal(Ed25519PrivateKey().seed, with: master!)
        }
        let first = try await ring(try maker())
        #expect(try await keys.tokenKeys().map(\.sealedKey) == [secret])
        let token = try #require(first.signer(.edDSA, now: clock.now())).sign(Array("{}".utf8))
        let second = try await ring(try maker())
        #expect(second.verify(token, .edDSA) != nil && second.verify(token, .es256) == nil)
        #expect(await first.keySet() == second.keySet())
        let other = TokenKeyMaker(store: keys, masterKey: try #require(MasterKey(MasterKey.random())))
        await #expect(throws: StoreError.self) { try await ring(other) }
    }

    @Test func aKeyIsPublishedThenSignsThenIsRetiredAndForgotten() async throws {
        let maker = try maker { ($0.publishSeconds, $0.retireSeconds) = (100, 1_000) }
        let ring = try await ring(maker)
        func sign() throws -> String { try #require(ring.signer(.edDSA, now: clock.now())).sign([]) }
        let old = try sign()
        let made = try await maker.rotate(immediately: false, actor: "cli", now: clock.now())
        await ring.refresh()
        #expect(made.map(\.algorithm) == [.edDSA])
        #expect(try sign() == old, "the new key is only published")
        #expect(await ring.keySet().contains(made[0].id))
        clock.advance(seconds: 100)
        let new = try sign()
        #expect(new != old && ring.verify(old, .edDSA) != nil && ring.verify(new, .edDSA) != nil)
        func states() async throws -> [TokenKeyState] {
            let all = try await keys.tokenKeys()
            return all.map { TokenKeyMaker.state(of: $0, among: all, now: clock.now()) }
        }
        #expect(try await states() == [.retired, .signing])
        try await maker.upkeep(now: clock.now().adding(seconds: 999))
        #expect(try await keys.tokenKeys().count == 2)
        try await maker.upkeep(now: clock.now().adding(seconds: 1_000))
        #expect(try await keys.tokenKeys().map(\.id) == [made[0].id])
        await ring.refresh()
        #expect(ring.verify(old, .edDSA) == nil && ring.verify(new, .edDSA) != nil)
    }

    @Test func oldKeysGetOneSuccessorHoweverManyAsk() async throws {
        let maker = try maker { $0.rotationSeconds = 1_000 }
        _ = try await ring(maker)
        try await maker.upkeep(now: clock.now().adding(seconds: 999))
        #expect(try await keys.tokenKeys().count == 1)
        let due = clock.now().adding(seconds: 1_000)
        for _ in 0..<3 { try await maker.upkeep(now: due) }
        #expect(try await keys.tokenKeys().count == 2)
    }

    @Test func keysThatOthersMayKnowAreWorthNothingAtOnce() async throws {
        let maker = try maker()
        let ring = try await ring(maker)
        _ = try await ring.signerMaking(.es256, now: clock.now())
        let old = try #require(ring.signer(.edDSA, now: clock.now())).sign([])
        clock.advance(seconds: 1)
        #expect(try await maker.rotate(immediately: true, actor: "cli", now: clock.now()).count == 2)
        await ring.refresh()
        #expect(ring.verify(old, .edDSA) == nil)
        #expect(try await keys.tokenKeys().count == 2)
    }

    @Test func aKeyThatAnotherProcessMadeIsPublishedAtOnce() async throws {
        let maker = try maker()
        let hour = Duration.seconds(3_600)
        let other = try await TokenKeyRing.load(maker: maker, sessions: directory, interval: hour, now: clock.now())
        _ = await other.keySet()
        let made = try await ring(maker).signerMaking(.es256, now: clock.now())
        let id = try #require(try await keys.tokenKeys().last { $0.algorithm == .es256 }?.id)
        #expect(made != nil)
        #expect(await other.keySet().contains(id))
        // While the store is away, those known last are.
        keys.goAway()
        #expect(await other.keySet().contains(id))
    }

    @Test func aProcessLearnsOfAKeyByAToken() async throws {
        let maker = try maker()
        let slow = try await TokenKeyRing.load(
            maker: maker,
            sessions: directory,
            interval: .seconds(3_600),
            now: clock.now()
        )
        _ = try await maker.rotate(immediately: true, actor: "cli", now: clock.now())
        let token = try #require(try await ring(maker).signer(.edDSA, now: clock.now())).sign([])
        #expect(slow.verify(token, .edDSA) == nil)
        #expect(await slow.verifyAnew(token, .edDSA) != nil)
    }
}
