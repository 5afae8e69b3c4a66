import MailModel
package import MailPorts
import Synchronization

/// Notes imports and answers what a test told it to.
package final class FakeBulk: BulkStore {
    private struct State {
        var imports: [BulkImport] = []
        var outcomes: [String: BulkOutcome] = [:]
        var accounts: [BulkAccountRow] = []
    }

    private let state = Mutex(State())
    package init() {}

    package var imports: [BulkImport] { state.withLock { $0.imports } }
    /// What a row of that address becomes; others are created.
    package func answer(_ outcome: BulkOutcome, to address: String) {
        state.withLock { $0.outcomes[address] = outcome }
    }
    /// By address, ascending.
    package func put(accounts: [BulkAccountRow]) { state.withLock { $0.accounts = accounts } }

    package func apply(_ bulk: BulkImport) async throws(StoreError) -> [BulkOutcome] {
        state.withLock { state in
            state.imports.append(bulk)
            return bulk.rows.map { state.outcomes[$0.address.canonical] ?? .created }
        }
    }

    package func bulkAccounts(
        ofDomain domain: String,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [BulkAccountRow] {
        state.withLock { state in
            Array(state.accounts.filter { $0.address.canonical > (after ?? "") }.prefix(limit))
        }
    }

    package func bulkMasked(
        ofDomain domain: String,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [BulkMaskedRow] { [] }
}
