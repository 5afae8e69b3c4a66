package import MailModel
package import MailPorts
import Synchronization

/// Sliding-window counters of one process, by two buckets a key: the present window and the one before it, weighted.
package final class MemoryRateLimiter: RateLimiter {
    private struct Entry {
        var window: Int64
        var current: Int
        var previous: Int
        var seconds: Int64
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let maximumKeys: Int

    /// - Parameter maximumKeys: when reached, keys whose windows have passed go first, then all.
    package init(maximumKeys: Int = 200_000) { self.maximumKeys = maximumKeys }

    package func count(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateDecision {
        entries.withLock { entries in
            if entries.count >= maximumKeys, entries[key] == nil { Self.makeRoom(&entries, maximumKeys, now) }
            var entry = Self.rolled(entries[key], windowSeconds, now)
            let estimate = Self.estimate(entry, now)
            guard estimate < limit else {
                entries[key] = entry
                let end = (entry.window + 1) * entry.seconds
                return .exceeded(retryAfterSeconds: Int(max(1, end - now.seconds)))
            }
            entry.current += 1
            entries[key] = entry
            return .allowed
        }
    }

    package func peek(_ key: String, windowSeconds: Int, now: Timestamp) async -> Int {
        entries.withLock { entries in
            entries[key].map { Self.estimate(Self.rolled($0, windowSeconds, now), now) } ?? 0
        }
    }

    package func tally(_ key: String, adding events: Int, windowSeconds: Int, now: Timestamp) async -> RateTally {
        entries.withLock { entries in
            var entry = Self.rolled(entries[key], windowSeconds, now)
            if events > 0 {
                if entries.count >= maximumKeys, entries[key] == nil { Self.makeRoom(&entries, maximumKeys, now) }
                entry.current += events
                entries[key] = entry
            }
            return RateTally(events: Self.estimate(entry, now), isShared: true)
        }
    }

    package func clear(_ key: String) async { entries.withLock { $0[key] = nil } }

    private static func rolled(_ entry: Entry?, _ windowSeconds: Int, _ now: Timestamp) -> Entry {
        let seconds = Int64(max(1, windowSeconds))
        let window = now.seconds / seconds
        guard var entry, entry.seconds == seconds else {
            return Entry(window: window, current: 0, previous: 0, seconds: seconds)
        }
        if entry.window == window { return entry }
        entry.previous = entry.window == window - 1 ? entry.current : 0
        entry.current = 0
        entry.window = window
        return entry
    }

    private static func estimate(_ entry: Entry, _ now: Timestamp) -> Int {
        let elapsed = now.seconds - entry.window * entry.seconds
        return entry.current + Int(Int64(entry.previous) * max(0, entry.seconds - elapsed) / entry.seconds)
    }

    private static func makeRoom(_ entries: inout [String: Entry], _ maximum: Int, _ now: Timestamp) {
        entries = entries.filter { $0.value.window >= now.seconds / $0.value.seconds - 1 }
        if entries.count >= maximum { entries = [:] }
    }
}
