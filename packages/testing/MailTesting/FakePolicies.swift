package import MailModel
package import MailPorts
import Synchronization

/// Policies in memory, of whatever domain.
package final class FakePolicies: PolicyStore {
    private let records = Mutex<[String: PolicyRecord]>([:])
    package init() {}

    package func policy(ofDomain name: String) async throws(StoreError) -> DomainPolicy? {
        records.withLock { $0[name]?.policy }
    }

    package func policyRecord(ofDomain name: String) async throws(StoreError) -> PolicyRecord {
        records.withLock { $0[name] } ?? PolicyRecord(version: 0, policy: DomainPolicy(), changedAt: nil)
    }

    @discardableResult
    package func setPolicy(
        _ policy: DomainPolicy,
        ofDomain name: String,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> PolicyRecord {
        records.withLock { records in
            let record = PolicyRecord(
                version: (records[name]?.version ?? 0) + 1,
                policy: policy,
                changedAt: Timestamp(seconds: 1_700_000_000)
            )
            records[name] = record
            return record
        }
    }

    package func domainsWithRetention() async throws(StoreError) -> [(name: String, retention: DomainPolicy.Retention)]
    {
        records.withLock { records in
            records.sorted { $0.key < $1.key }.compactMap { name, record in
                record.policy.retention.map { (name: name, retention: $0) }
            }
        }
    }

    package func expire(
        _ use: SpecialUse,
        ofDomain name: String,
        before: Timestamp,
        from first: AccountID,
        limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> (account: AccountID, count: Int)? { nil }
}
