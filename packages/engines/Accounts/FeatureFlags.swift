package import Logging
import MailCrypto
package import MailModel
package import MailPorts
import Synchronization

/// What may be on for some and off for others, known to the code by name.
package enum FeatureFlag: String, CaseIterable, Sendable {
    /// Signing in by a passkey alone, without a password.
    case passkeySignIn = "passkey-sign-in"

    package var meaning: String {
        switch self {
        case .passkeySignIn: "Sign in by a passkey alone; off: passkeys are second factors only"
        }
    }

    /// Where there is no rule.
    package var standard: Bool {
        switch self {
        case .passkeySignIn: true
        }
    }
}

/// Whether features are on, by the store's rules, which are read anew every `interval`.
///
/// Every process reads for itself, so a change is in force everywhere after the interval at the latest, without a restart. While
/// the store is away the rules that were read last hold, and those of the code when there are none yet.
package final class FeatureFlags: Sendable {
    private struct Known {
        var rules: [FlagRule] = []
        var readAt: ContinuousClock.Instant?
    }

    package let store: any FlagStore
    private let interval: Duration
    private let logger: Logger
    private let known = Mutex(Known())

    package init(store: any FlagStore, interval: Duration, logger: Logger = Logger(label: "flags")) {
        self.store = store
        self.interval = interval
        self.logger = logger
    }

    package func isOn(_ flag: FeatureFlag, for account: Account) async -> Bool {
        Self.isOn(flag, for: account, by: await rules())
    }

    /// The same for an account that is not there yet.
    func isOn(_ flag: FeatureFlag, for account: AccountID, of organisation: OrganisationID) async -> Bool {
        Self.isOn(flag, for: account, of: organisation, by: await rules())
    }

    /// Every flag, as it is for the account.
    package func states(for account: Account) async -> [(flag: FeatureFlag, isOn: Bool)] {
        let rules = await rules()
        return FeatureFlag.allCases.map { ($0, Self.isOn($0, for: account, by: rules)) }
    }

    private func rules() async -> [FlagRule] {
        let now = ContinuousClock.now
        // One reads for all that ask meanwhile; they take what was known.
        let mustRead = known.withLock { known in
            if let last = known.readAt, now - last < interval { return false }
            known.readAt = now
            return true
        }
        guard mustRead else { return known.withLock { $0.rules } }
        do throws(StoreError) {
            let rules = try await store.flagRules()
            known.withLock { $0.rules = rules }
            return rules
        } catch {
            logger.warning("flags not read; those known hold", metadata: ["error": .string("\(error)")])
            return known.withLock { $0.rules }
        }
    }

    /// The rule of the account's organisation, else the rule for everybody, else what the code says.
    static func isOn(_ flag: FeatureFlag, for account: Account, by rules: [FlagRule]) -> Bool {
        isOn(flag, for: account.id, of: account.organisation, by: rules)
    }

    private static func isOn(
        _ flag: FeatureFlag,
        for account: AccountID,
        of organisation: OrganisationID,
        by rules: [FlagRule]
    ) -> Bool {
        let own = rules.filter { $0.flag == flag.rawValue }
        let rule = own.first { $0.organisation == organisation } ?? own.first { $0.organisation == nil }
        guard let rule else { return flag.standard }
        let number =
            switch rule.unit {
            case .account: account.rawValue
            case .organisation: organisation.rawValue
            }
        return position(of: "\(rule.unit.rawValue) \(number)", in: flag) < rule.percentage
    }

    /// 0 to 99, always the same for a unit and a flag, and unlike its place in other flags: who is in at 10 % is in at 20 %.
    private static func position(of unit: String, in flag: FeatureFlag) -> Int {
        let hash = SHA256.hash(Array("\(flag.rawValue)\0\(unit)".utf8))
        return Int(hash[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } % 100)
    }

    // MARK: - Changes

    /// - Throws: `.fieldRefused` for a flag that the code does not know or a percentage that is none, `.store(.notFound)` without
    ///   the organisation.
    package static func set(
        _ name: String,
        percentage: Int,
        unit: FlagUnit,
        of organisation: OrganisationID?,
        in store: any FlagStore,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) {
        guard let flag = FeatureFlag(rawValue: name) else {
            throw .fieldRefused("name", "no flag is named so")
        }
        guard (0...100).contains(percentage) else {
            throw .fieldRefused("percentage", "a percentage is 0 to 100")
        }
        do throws(StoreError) {
            let before = try await store.flagRules().first { $0.flag == name && $0.organisation == organisation }
            let rule = FlagRule(
                flag: flag.rawValue,
                organisation: organisation,
                percentage: percentage,
                unit: unit,
                changedAt: now,
                changedBy: actor
            )
            try await store.setFlag(
                rule,
                audit: event("flag.set", flag, organisation, before: before, after: rule, actor, remote, now)
            )
        } catch {
            throw .store(error)
        }
    }

    package static func clear(
        _ name: String,
        of organisation: OrganisationID?,
        in store: any FlagStore,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) {
        guard let flag = FeatureFlag(rawValue: name) else { throw .fieldRefused("name", "no flag is named so") }
        do throws(StoreError) {
            let before = try await store.flagRules().first { $0.flag == name && $0.organisation == organisation }
            try await store.clearFlag(
                name,
                of: organisation,
                audit: event("flag.clear", flag, organisation, before: before, after: nil, actor, remote, now)
            )
        } catch {
            throw .store(error)
        }
    }

    private static func event(
        _ action: String,
        _ flag: FeatureFlag,
        _ organisation: OrganisationID?,
        before: FlagRule?,
        after: FlagRule?,
        _ actor: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) -> AuditEvent {
        func text(_ rule: FlagRule?) -> String {
            rule.map { "{\"percentage\":\($0.percentage),\"by\":\"\($0.unit.rawValue)\"}" } ?? "null"
        }
        return AuditEvent(
            at: now,
            actor: actor,
            action: action,
            subject: "flag:\(flag.rawValue)",
            remote: remote,
            detail: "{\"organisation\":\(organisation.map { "\($0)" } ?? "null"),"
                + "\"before\":\(text(before)),\"after\":\(text(after))}"
        )
    }
}
