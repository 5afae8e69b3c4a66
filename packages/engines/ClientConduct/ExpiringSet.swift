import MailModel

/// Keys that are remembered for a while, so many at most: when it is full, what is over goes first, then all.
struct ExpiringSet<Key: Hashable & Sendable>: Sendable {
    private var ends: [Key: Timestamp] = [:]
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { ends.count }

    func contains(_ key: Key, at now: Timestamp) -> Bool { ends[key].map { $0 > now } ?? false }

    /// Whether the key was not remembered; it is until then.
    mutating func insert(_ key: Key, until end: Timestamp, now: Timestamp) -> Bool {
        let isNew = !contains(key, at: now)
        if ends.count >= capacity, ends[key] == nil {
            ends = ends.filter { $0.value > now }
            if ends.count >= capacity { ends.removeAll(keepingCapacity: true) }
        }
        ends[key] = end
        return isNew
    }
}
