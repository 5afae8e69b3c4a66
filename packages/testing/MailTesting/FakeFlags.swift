package import MailModel
package import MailPorts
import Synchronization

/// Rules of flags in memory, of whatever organisation.
package final class FakeFlags: FlagStore {
    private struct State {
        var rules: [FlagRule] = []
        var reads = 0
        var failure: StoreError?
    }

    private let state = Mutex(State())
    package init() {}

    /// How often the rules were read.
    package var reads: Int { state.withLock { $0.reads } }
    /// Every later read throws it; nil ends that.
    package func fail(with error: StoreError?) { state.withLock { $0.failure = error } }

    package func flagRules() async throws(StoreError) -> [FlagRule] {
        let outcome: Result<[FlagRule], StoreError> = state.withLock { state in
            state.reads += 1
            return state.failure.map { .failure($0) } ?? .success(state.rules)
        }
        return try outcome.get()
    }

    package func setFlag(_ rule: FlagRule, audit: AuditEvent) async throws(StoreError) {
        state.withLock { state in
            state.rules.removeAll { $0.flag == rule.flag && $0.organisation == rule.organisation }
            state.rules.append(rule)
        }
    }

    package func clearFlag(
        _ flag: String,
        of organisation: OrganisationID?,
        audit: AuditEvent
    ) async throws(StoreError) {
        let count = state.withLock { state in
            let before = state.rules.count
            state.rules.removeAll { $0.flag == flag && $0.organisation == organisation }
            return before - state.rules.count
        }
        guard count > 0 else { throw .notFound }
    }
}
