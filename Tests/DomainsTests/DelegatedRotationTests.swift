import Logging
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Testing

@testable import Domains

/// Keys in the operator's zone are rotated by their age, and by nobody's hand.
@Suite struct DelegatedRotationTests {
    private static let start = Timestamp(seconds: 1_769_817_600)
    private static let actor = DomainLife.Actor("owner@shop.test")
    private let directory = FakeDirectory()

    private func life(rotation: Int64) throws -> DomainLife {
        var limits = DomainLife.Limits()
        limits.rotationSeconds = rotation
        return DomainLife(
            store: directory,
            directory: directory,
            keys: DomainService(
                directory: directory,
                master: try #require(MasterKey(MasterKey.random())),
                host: MailHost(name: "mail.host.test"),
                extras: OptionalRecords(keyZone: "keys.host.test")
            ),
            resolver: { FakeResolver() },
            resolverName: "a table",
            notice: OwnerNotice(people: FakePeople(directory), mail: NoNotices()),
            limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// A domain whose two delegated keys sign since the start.
    private func delegated(_ name: String, _ life: DomainLife) async throws {
        let organisation = try await directory.addOrganisation(name: name)
        _ = try await directory.addDomain(name, organisation: organisation.id, keys: [])
        _ = try await life.delegate(name, actor: Self.actor, now: Self.start)
        _ = try await life.activate(name, isForced: true, actor: Self.actor, now: Self.start)
    }

    private func selectors(_ state: DKIMKey.State, _ name: String) async throws -> [String] {
        try await directory.dkimKeys(of: name).filter { $0.state == state }.map(\.selector).sorted()
    }

    @Test func `keys that are old enough get successors with the other selectors`() async throws {
        let life = try life(rotation: 1_000)
        try await delegated("shop.test", life)
        #expect(try await selectors(.signing, "shop.test") == ["oon-ed-a", "oon-rsa-a"])
        try await life.rotateDelegated(now: Self.start.adding(seconds: 999))
        #expect(try await selectors(.published, "shop.test").isEmpty)
        try await life.rotateDelegated(now: Self.start.adding(seconds: 1_000))
        #expect(try await selectors(.published, "shop.test") == ["oon-ed-b", "oon-rsa-b"])
        // Those before sign until the new ones are seen, and no third ones are made meanwhile.
        try await life.rotateDelegated(now: Self.start.adding(seconds: 1_001))
        #expect(try await selectors(.signing, "shop.test") == ["oon-ed-a", "oon-rsa-a"])
        #expect(try await selectors(.published, "shop.test") == ["oon-ed-b", "oon-rsa-b"])
    }

    @Test func `no age means no rotation`() async throws {
        let life = try life(rotation: 0)
        try await delegated("shop.test", life)
        try await life.rotateDelegated(now: Self.start.adding(seconds: 1_000_000_000))
        #expect(try await selectors(.published, "shop.test").isEmpty)
    }

    @Test func `keys whose records the owner publishes wait for the owner`() async throws {
        let life = try life(rotation: 1_000)
        let organisation = try await directory.addOrganisation(name: "Own")
        _ = try await directory.addDomain("own.test", organisation: organisation.id, keys: [])
        _ = try await life.rotate("own.test", algorithm: .ed25519SHA256, actor: Self.actor, now: Self.start)
        _ = try await life.activate("own.test", isForced: true, actor: Self.actor, now: Self.start)
        try await life.rotateDelegated(now: Self.start.adding(seconds: 5_000))
        #expect(try await selectors(.published, "own.test").isEmpty)
    }
}
