import MailModel
import Synchronization

/// Policies by domain and version, kept in the process: a version never changes, so that only which one is in force must be
/// known, and that is read with the rows that mail needs anyway.
final class PolicyMemory: Sendable {
    /// How long a version that was read counts as the one in force.
    static let freshness = Duration.seconds(1)
    /// Longer than any read takes that began before a change.
    static let doubt = Duration.seconds(5)
    /// Domains that are remembered; when there are more, all are forgotten.
    static let limit = 20_000

    private struct Entry {
        /// 0: none.
        var version: Int64
        var policy: DomainPolicy?
        var seen: ContinuousClock.Instant
    }

    enum Known {
        case none
        case policy(DomainPolicy)
        /// In force, and its text is not known yet.
        case version(Int64)
        case unknown
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// The version in force, as a row has it just now.
    ///
    /// Of two readers the one that read earlier may come later: for a while no older version is believed.
    func note(_ domain: String, version: Int64?) {
        let now = ContinuousClock.now
        entries.withLock { entries in
            if let known = entries[domain], known.version > version ?? 0, now - known.seen < Self.doubt { return }
            if var known = entries[domain], known.version == version ?? 0 {
                known.seen = now
                entries[domain] = known
                return
            }
            if entries.count >= Self.limit { entries = [:] }
            entries[domain] = Entry(version: version ?? 0, policy: nil, seen: now)
        }
    }

    func keep(_ domain: String, version: Int64, _ policy: DomainPolicy) {
        entries.withLock { entries in
            guard entries[domain]?.version == version else { return }
            entries[domain]?.policy = policy
        }
    }

    func known(_ domain: String) -> Known {
        entries.withLock { entries in
            guard let entry = entries[domain], ContinuousClock.now - entry.seen < Self.freshness else {
                return .unknown
            }
            if entry.version == 0 { return .none }
            return entry.policy.map { .policy($0) } ?? .version(entry.version)
        }
    }
}
