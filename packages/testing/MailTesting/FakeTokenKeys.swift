package import MailModel
package import MailPorts
import Synchronization

/// Token keys in memory.
package final class FakeTokenKeys: TokenKeyStore {
    private let keys = Mutex<[TokenKey]>([])
    private let isAway = Mutex(false)
    package init() {}

    /// From now on nothing is read.
    package func goAway() { isAway.withLock { $0 = true } }

    package func tokenKeys() async throws(StoreError) -> [TokenKey] {
        guard !isAway.withLock({ $0 }) else { throw .unavailable(reportID: "away") }
        return keys.withLock { $0.sorted { ($0.signsFrom, $0.id) < ($1.signsFrom, $1.id) } }
    }

    package func addTokenKey(
        _ key: TokenKey,
        unlessMadeAfter since: Timestamp?,
        replacing: Bool,
        audit: AuditEvent?
    ) async throws(StoreError) -> Bool {
        keys.withLock { keys in
            if let since, keys.contains(where: { $0.algorithm == key.algorithm && $0.createdAt > since }) {
                return false
            }
            if replacing { keys.removeAll { $0.algorithm == key.algorithm } }
            keys.append(key)
            return true
        }
    }

    package func removeTokenKeys(_ ids: [String], audit: AuditEvent) async throws(StoreError) {
        keys.withLock { $0.removeAll { ids.contains($0.id) } }
    }
}
