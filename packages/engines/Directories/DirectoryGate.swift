import MailModel
import MailPorts

/// Lets a bounded number of questions through to each directory, and none for a moment after it did not answer: a directory that is
/// slow or away holds up nobody but its own people.
actor DirectoryGate {
    private struct Lane {
        var running = 0
        var waiting: [CheckedContinuation<Bool, Never>] = []
        var closedUntil: Timestamp?
    }

    private let limits: DirectoryLimits
    private var lanes: [String: Lane] = [:]

    init(_ limits: DirectoryLimits) { self.limits = limits }

    /// - Parameter isForced: by hand; asks although it did not answer a moment ago.
    func through<Value: Sendable>(
        _ domain: String,
        isForced: Bool,
        now: Timestamp,
        _ question: @Sendable () async throws(DirectoryFault) -> Value
    ) async throws(DirectoryFault) -> Value {
        if !isForced, let closed = lanes[domain]?.closedUntil, closed > now { throw .busy }
        guard await enter(domain) else { throw .busy }
        defer { leave(domain) }
        do throws(DirectoryFault) {
            let value = try await question()
            lanes[domain]?.closedUntil = nil
            return value
        } catch {
            switch error {
            case .unreachable, .tooSlow, .nameUnknown, .secretRefused:
                lanes[domain]?.closedUntil = now.adding(seconds: limits.retrySeconds)
            case .addressRefused, .malformed, .busy, .tooMany, .sealedOtherwise: ()
            }
            throw error
        }
    }

    private func enter(_ domain: String) async -> Bool {
        var lane = lanes[domain] ?? Lane()
        if lane.running < limits.concurrency {
            lane.running += 1
            lanes[domain] = lane
            return true
        }
        guard lane.waiting.count < limits.waiting else { return false }
        return await withCheckedContinuation { continuation in
            lanes[domain]?.waiting.append(continuation)
        }
    }

    /// Its place goes to who has waited longest.
    private func leave(_ domain: String) {
        guard var lane = lanes[domain] else { return }
        if lane.waiting.isEmpty {
            lane.running -= 1
            lanes[domain] = lane.running == 0 && lane.closedUntil == nil ? nil : lane
        } else {
            let next = lane.waiting.removeFirst()
            lanes[domain] = lane
            next.resume(returning: true)
        }
    }
}
