import Synchronization

/// Lets so many transactions run at once, and so many to one domain; others wait in order.
final class TransactionGate: Sendable {
    private struct Waiter {
        let number: Int
        let domain: String
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var running = 0
        var perDomain: [String: Int] = [:]
        /// In order of arrival; bounded by the leases that the worker holds.
        var waiting: [Waiter] = []
        var next = 0
        var isClosed = false
    }

    private let total: Int
    private let perDomain: Int
    private let state = Mutex(State())

    init(total: Int, perDomain: Int) {
        self.total = max(1, total)
        self.perDomain = max(1, perDomain)
    }

    var running: Int { state.withLock { $0.running } }

    /// Waits for room.
    ///
    /// false: the gate is closed, or the task cancelled, and `leave` must not be called.
    func enter(_ domain: String) async -> Bool {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let decided = state.withLock { state -> Bool? in
                    guard !state.isClosed, !Task.isCancelled else { return false }
                    if take(domain, &state) { return true }
                    state.waiting.append(Waiter(number: number, domain: domain, continuation: continuation))
                    return nil
                }
                if let decided { continuation.resume(returning: decided) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
            }
            waiter?.continuation.resume(returning: false)
        }
    }

    func leave(_ domain: String) {
        let admitted = state.withLock { state -> [Waiter] in
            state.running -= 1
            state.perDomain[domain, default: 1] -= 1
            if state.perDomain[domain] == 0 { state.perDomain[domain] = nil }
            var admitted: [Waiter] = []
            var index = 0
            while index < state.waiting.count, state.running < total {
                if take(state.waiting[index].domain, &state) {
                    admitted.append(state.waiting.remove(at: index))
                } else {
                    index += 1
                }
            }
            return admitted
        }
        for waiter in admitted { waiter.continuation.resume(returning: true) }
    }

    /// Turns away who waits and who comes later; those inside go on.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.continuation.resume(returning: false) }
    }

    private func take(_ domain: String, _ state: inout State) -> Bool {
        guard state.running < total, state.perDomain[domain, default: 0] < perDomain else { return false }
        state.running += 1
        state.perDomain[domain, default: 0] += 1
        return true
    }
}
