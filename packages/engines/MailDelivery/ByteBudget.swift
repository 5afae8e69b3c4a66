import Synchronization

/// Bounds the octets of large messages that are in memory at once; who does not fit waits for its turn.
final class ByteBudget: Sendable {
    private struct State {
        var free: Int
        var waiting: [(octets: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let limit: Int
    private let state: Mutex<State>

    init(limit: Int) {
        self.limit = limit
        state = Mutex(State(free: limit))
    }

    /// Runs `work` when its octets fit.
    ///
    /// What is larger than the whole budget runs alone.
    func with<Value: Sendable, Failure: Error>(
        _ octets: Int,
        _ work: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let share = min(octets, limit)
        await take(share)
        defer { give(share) }
        return try await work()
    }

    private func take(_ octets: Int) async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.waiting.isEmpty, state.free >= octets else {
                    state.waiting.append((octets, continuation))
                    return false
                }
                state.free -= octets
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    private func give(_ octets: Int) {
        let next = state.withLock { state in
            state.free += octets
            var ready: [CheckedContinuation<Void, Never>] = []
            while let first = state.waiting.first, first.octets <= state.free {
                state.free -= first.octets
                ready.append(state.waiting.removeFirst().continuation)
            }
            return ready
        }
        for continuation in next { continuation.resume() }
    }
}
