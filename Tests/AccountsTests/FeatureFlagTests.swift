import Accounts
import MailModel
import MailPorts
import MailTesting
import Testing

@Suite struct FeatureFlagTests {
    let store = FakeFlags()
    private let now = Timestamp(seconds: 1_700_000_000)

    private func account(_ id: Int64, of organisation: Int64 = 1) throws -> Account {
        Account(
            id: AccountID(id),
            organisation: OrganisationID(organisation),
            primaryAddress: try #require(EmailAddress("ann@shop.test")),
            displayName: "",
            role: .member,
            status: .active,
            quotaBytes: nil,
            usedBytes: 0,
            usedMessages: 0,
            createdAt: now
        )
    }

    private func set(_ percentage: Int, by unit: FlagUnit = .account, of organisation: Int64? = nil) async throws {
        try await FeatureFlags.set(
            "passkey-sign-in",
            percentage: percentage,
            unit: unit,
            of: organisation.map { OrganisationID($0) },
            in: store,
            actor: "cli",
            now: now
        )
    }

    private func share(_ organisation: (Int64) -> Int64 = { _ in 1 }) async throws -> Set<Int64> {
        let flags = FeatureFlags(store: store, interval: .zero)
        var on: Set<Int64> = []
        for id in Int64(1)...1_000 {
            guard try await flags.isOn(.passkeySignIn, for: account(id, of: organisation(id))) else { continue }
            on.insert(id)
        }
        return on
    }

    @Test func withoutARuleTheCodeDecides() async throws {
        #expect(try await share().count == 1_000)
    }

    @Test func aPercentageIsStableAndGrows() async throws {
        var before: Set<Int64> = []
        for percentage in [0, 1, 10, 50, 90, 100] {
            try await set(percentage)
            let on = try await share()
            #expect(try await on == share() && on.isSuperset(of: before))
            #expect(abs(on.count - percentage * 10) < 60)
            before = on
        }
    }

    @Test func byOrganisationColleaguesSeeTheSame() async throws {
        try await set(50, by: .organisation)
        let on = try await share { $0 % 10 + 1 }
        for id in on { #expect(on.contains((id + 9) % 1_000 + 1)) }
        #expect(on.count % 100 == 0 && !on.isEmpty)
    }

    @Test func theRuleOfAnOrganisationGoesBeforeThatOfAll() async throws {
        try await set(0)
        try await set(100, of: 2)
        #expect(try await share().isEmpty)
        #expect(try await share { _ in 2 }.count == 1_000)
    }

    @Test func unknownFlagsAndPercentagesAreRefused() async throws {
        await #expect(throws: AccountError.self) { try await set(101) }
        await #expect(throws: AccountError.self) { try await set(-1) }
        await #expect(throws: AccountError.fieldRefused("name", "no flag is named so")) {
            try await FeatureFlags.set(
                "passkey-sign-i\u{301}n",
                percentage: 1,
                unit: .account,
                of: nil,
                in: store,
                actor: "cli",
                now: now
            )
        }
        await #expect(throws: AccountError.store(.notFound)) {
            try await FeatureFlags.clear("passkey-sign-in", of: nil, in: store, actor: "cli", now: now)
        }
    }

    @Test func rulesAreReadOnceAnIntervalAndOutliveTheStore() async throws {
        try await set(0)
        let slow = FeatureFlags(store: store, interval: .seconds(3_600))
        for _ in 0..<5 { #expect(try await !slow.isOn(.passkeySignIn, for: account(1))) }
        #expect(store.reads == 2)
        let quick = FeatureFlags(store: store, interval: .zero)
        #expect(try await !quick.isOn(.passkeySignIn, for: account(1)))
        store.fail(with: .unavailable(reportID: "x"))
        #expect(try await !quick.isOn(.passkeySignIn, for: account(1)))
        #expect(try await FeatureFlags(store: store, interval: .zero).isOn(.passkeySignIn, for: account(1)))
    }
}
