import MailModel
import MailPorts
import MailQueue
import MailTesting
import Synchronization
import Testing

/// Holds calls until a test lets them go, and counts how many are inside.
final class Turnstile: Sendable {
    private struct State {
        var inside = 0
        var most = 0
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var most: Int { state.withLock { $0.most } }

    /// Returns at once when the task is cancelled, as a transport does.
    func pass() async {
        let watchers = state.withLock { state in
            state.inside += 1
            state.most = max(state.most, state.inside)
            let reached = state.watchers.filter { $0.count <= state.inside }
            state.watchers.removeAll { $0.count <= state.inside }
            return reached
        }
        for watcher in watchers { watcher.continuation.resume() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if isOpen { continuation.resume() }
            }
        } onCancel: {
            release()
        }
        state.withLock { $0.inside -= 1 }
    }

    func open() {
        state.withLock { $0.isOpen = true }
        release()
    }

    private func release() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Until that many are inside.
    func wait(for count: Int) async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.inside >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isReached { continuation.resume() }
        }
    }
}

@Suite struct QueueWorkerRunTests {
    /// A clock set a month ahead during an attempt gives nothing up, and does not put the next attempt off for a month.
    @Test func aClockThatIsSetGivesNoMailUp() async throws {
        let clock = Mutex<HeldClock?>(nil)
        let house = WorkerHouse { call in
            clock.withLock { $0 }?.advance(seconds: 2_592_000)
            return FakeTransport.report(call) { _ in .transient(reply: "451 4.3.2 Busy") }
        }
        let before = house.clock.now()
        clock.withLock { $0 = house.clock }
        house.put(to: ["bob@far.test"])
        await house.worker.runOnce()
        let next = try #require(house.queue.waiting["bob@far.test"])
        #expect(next > before && next < before.adding(seconds: 600))
    }

    @Test(.timeLimit(.minutes(1))) func whatWaitsLongerThanAnyRuleIsSentNow() async {
        let (sent, send) = AsyncStream.makeStream(of: Void.self)
        let house = WorkerHouse { call in
            send.yield()
            return FakeTransport.report(call) { _ in .accepted(reply: "250 OK") }
        }
        house.clock.advance(seconds: 86_400)
        house.put(to: ["bob@far.test"])
        house.clock.advance(seconds: -86_400)
        async let running: Void = house.worker.run()
        for await _ in sent { break }
        house.worker.stop()
        await running
        #expect(house.queue.waiting.isEmpty)
    }

    @Test(.timeLimit(.minutes(1))) func newWorkWakesTheWorkerAndStopEndsIt() async {
        let turnstile = Turnstile()
        let house = WorkerHouse { configuration in
            configuration.pollInterval = .seconds(3_600)
        } answer: { call in
            await turnstile.pass()
            return FakeTransport.report(call) { _ in .accepted(reply: "250 OK") }
        }
        async let running: Void = house.worker.run()
        while house.feed.queueListeners == 0 { await Task.yield() }
        house.put(to: ["bob@far.test"])
        house.feed.publishQueueWork()
        await turnstile.wait(for: 1)
        house.worker.stop()
        turnstile.open()
        await running
        // What was under way is finished, and recorded.
        #expect(house.queue.results.count == 1)
        #expect(house.queue.waiting.isEmpty)
        #expect(house.feed.queueListeners == 0)
    }

    @Test(.timeLimit(.minutes(1))) func noMoreAtOnceThanAllowed() async {
        let turnstile = Turnstile()
        let house = WorkerHouse(domains: ["far.test", "near.test"]) { configuration in
            configuration.concurrency = 4
            configuration.perDomain = 3
        } answer: { call in
            await turnstile.pass()
            return FakeTransport.report(call) { _ in .accepted(reply: "250 OK") }
        }
        for number in 1...30 {
            house.put(to: ["u\(number)@\(number > 20 ? "near" : "far").test"], number: UInt32(number))
        }
        async let running: Void = house.worker.run()
        await turnstile.wait(for: 4)
        turnstile.open()
        while !house.queue.waiting.isEmpty { await Task.yield() }
        house.worker.stop()
        await running
        #expect(turnstile.most == 4)
        #expect(house.queue.results.count == 30)
    }

    @Test(.timeLimit(.minutes(1))) func aSlowDomainDoesNotHoldUpOthers() async {
        let turnstile = Turnstile()
        let house = WorkerHouse(domains: ["slow.test", "fast.test"]) { configuration in
            configuration.concurrency = 4
            configuration.perDomain = 1
            configuration.pollInterval = .milliseconds(20)
        } answer: { call in
            if call.host.name == "mx1.slow.test" { await turnstile.pass() }
            return FakeTransport.report(call) { _ in .accepted(reply: "250 OK") }
        }
        for number in 1...100 { house.put(to: ["u@slow.test"], number: UInt32(number)) }
        async let running: Void = house.worker.run()
        await turnstile.wait(for: 1)
        house.put(to: ["bob@fast.test"], number: 1_000)
        house.feed.publishQueueWork()
        while house.queue.waiting["bob@fast.test"] != nil { await Task.yield() }
        #expect(turnstile.most == 1)
        #expect(house.queue.claims.last?.excluding == ["slow.test"])
        house.worker.stop()
        turnstile.open()
        await running
    }

    @Test(.timeLimit(.minutes(1))) func aStopThatTakesTooLongCancelsAndHandsBack() async throws {
        let turnstile = Turnstile()
        let house = WorkerHouse { configuration in
            configuration.concurrency = 1
            configuration.stopGrace = .milliseconds(20)
        } answer: { call in
            await turnstile.pass()
            return FakeTransport.report(call, reached: false) { _ in .transient(reply: "451 4.4.2 connection closed") }
        }
        house.put(to: ["bob@far.test"], number: 1)
        house.put(to: ["eve@far.test"], number: 2)
        async let running: Void = house.worker.run()
        await turnstile.wait(for: 1)
        house.worker.stop()
        await running
        // Both are due at once for the next worker: what was interrupted, and what had not begun.
        #expect(house.queue.waiting.values.allSatisfy { house.isNow($0) })
        #expect(house.queue.waiting.count == 2)
        #expect(house.queue.results.count == 1)
    }

    @Test(.timeLimit(.minutes(1))) func leasesAreRenewedWhileTheyWaitAndRun() async {
        let turnstile = Turnstile()
        let house = WorkerHouse { configuration in
            configuration.concurrency = 1
            configuration.leaseSeconds = 0
        } answer: { call in
            await turnstile.pass()
            return FakeTransport.report(call) { _ in .accepted(reply: "250 OK") }
        }
        house.put(to: ["bob@far.test"], number: 1)
        async let running: Void = house.worker.runOnce()
        await turnstile.wait(for: 1)
        while house.queue.renewals < 3 { await Task.yield() }
        turnstile.open()
        await running
        #expect(house.queue.results.count == 1)
    }

    @Test(.timeLimit(.minutes(1))) func losingTheLeaseEndsTheTransaction() async {
        let turnstile = Turnstile()
        let house = WorkerHouse { configuration in
            configuration.leaseSeconds = 0
        } answer: { call in
            await turnstile.pass()
            return FakeTransport.report(call, reached: false) { _ in .transient(reply: "451 4.4.2 connection closed") }
        }
        house.put(to: ["bob@far.test"])
        async let running: Void = house.worker.runOnce()
        await turnstile.wait(for: 1)
        house.queue.steal()
        await running
        #expect(house.queue.results.isEmpty)
    }

    @Test(.timeLimit(.minutes(1))) func cancellationEndsTheWorkerToo() async {
        let house = WorkerHouse { call in FakeTransport.report(call) { _ in .accepted(reply: "250 OK") } }
        let task = Task { await house.worker.run() }
        while house.feed.queueListeners == 0 { await Task.yield() }
        task.cancel()
        await task.value
        #expect(house.feed.queueListeners == 0)
    }
}
