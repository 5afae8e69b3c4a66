import DequeModule
import Synchronization

/// Bounds the octets of messages that are held in memory at once, by all sessions together: who finds no room waits.
package final class ByteGate: Sendable {
    private struct State {
        var free: Int
        var waiting: Deque<(need: Int, continuation: CheckedContinuation<Void, Never>)> = []
    }

    private let capacity: Int
    private let state: Mutex<State>

    package init(capacity: Int = 256 << 20) {
        self.capacity = capacity
        state = Mutex(State(free: capacity))
    }

    /// Runs `work` with room for `size` octets.
    ///
    /// More than the capacity counts as all of it.
    package func with<Value, Failure: Error>(
        _ size: Int,
        _ work: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let need = await acquireRoom(size)
        defer { release(need) }
        return try await work()
    }

    /// Waits for room; the caller gives back by `release` what this returns.
    package func acquireRoom(_ size: Int) async -> Int {
        let need = min(max(size, 0), capacity)
        await acquire(need)
        return need
    }

    /// Room that the caller gives back by `release`; nil when there is none now.
    package func tryAcquire(_ size: Int) -> Int? {
        let need = min(max(size, 0), capacity)
        return state.withLock { state in
            guard need <= state.free, state.waiting.isEmpty else { return nil }
            state.free -= need
            return need
        }
    }

    private func acquire(_ need: Int) async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.waiting.isEmpty, state.free >= need else {
                    state.waiting.append((need, continuation))
                    return false
                }
                state.free -= need
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    package func release(_ size: Int) {
        let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.free += size
            var ready: [CheckedContinuation<Void, Never>] = []
            while let next = state.waiting.first, next.need <= state.free {
                state.free -= next.need
                ready.append(next.continuation)
                state.waiting.removeFirst()
            }
            return ready
        }
        for continuation in ready { continuation.resume() }
    }
}
