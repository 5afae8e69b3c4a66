import MailModel
import MailPorts
import MailQueue
import MailTesting
import Synchronization
import Testing

/// Workers that were cut off from the store, or held up, and others that may have taken over.
@Suite struct LeaseHoldingTests {
    /// Reads the message as a transport does before it sends, and says whether there was anything to send.
    private static func read(_ call: FakeTransport.Call) async -> RemoteReport {
        let piece = try? await call.message.read(0..<call.message.size)
        guard piece != nil else {
            return FakeTransport.report(call, reached: false) { _ in .transient(reply: "451 4.3.0 not read") }
        }
        return FakeTransport.report(call) { _ in .accepted(reply: "250 OK") }
    }

    @Test(.timeLimit(.minutes(1))) func whoMayHaveLostTheLeaseSendsNothing() async {
        // No time is left from the first moment on, and the store does not prolong it.
        let house = WorkerHouse {
            $0.leaseSeconds = 0
        } answer: {
            await Self.read($0)
        }
        house.queue.failRenewals(Array(repeating: .unavailable(reportID: "away"), count: 1_000))
        house.put(to: ["bob@far.test"])
        await house.worker.runOnce()
        #expect(house.queue.results.map { $0.outcomes.map(\.reply) } == [["451 4.3.0 not read (mx1.far.test)"]])
        #expect(house.queue.waiting.count == 1)
    }

    @Test(.timeLimit(.minutes(1))) func whoIsInDoubtAsksAndThenSends() async {
        let house = WorkerHouse {
            $0.leaseSeconds = 0
        } answer: {
            await Self.read($0)
        }
        house.put(to: ["bob@far.test"])
        await house.worker.runOnce()
        #expect(house.queue.renewals > 0 && house.queue.waiting.isEmpty)
    }

    @Test func aFreshLeaseIsNotAskedFor() async {
        let house = WorkerHouse { _ in
        } answer: {
            await Self.read($0)
        }
        house.queue.failRenewals([.unavailable(reportID: "away")])
        house.put(to: ["bob@far.test"])
        await house.worker.runOnce()
        #expect(house.queue.renewals == 0 && house.queue.waiting.isEmpty)
    }

    /// The store was away for both: the other one gets the time that it needs to renew.
    @Test(.timeLimit(.minutes(1))) func othersAreSparedAfterTheStoreWasAway() async {
        let house = WorkerHouse {
            $0.isShared = true
            $0.leaseSeconds = 3_600
        } answer: {
            await Self.read($0)
        }
        #expect(await reclaims(house, failing: 0) == true)
        #expect(await reclaims(house, failing: 1) == false)
        let alone = WorkerHouse { _ in
        } answer: {
            await Self.read($0)
        }
        #expect(await reclaims(alone, failing: 1) == true)
    }

    /// Whether a round after some that failed takes over.
    private func reclaims(_ house: WorkerHouse, failing count: Int) async -> Bool? {
        house.queue.failLeases(Array(repeating: .unavailable(reportID: "away"), count: count))
        for _ in 0...count { await house.worker.runOnce() }
        return house.queue.claims.last?.reclaims
    }

    /// Started anew, it does not know how long the store was away.
    @Test(.timeLimit(.minutes(1))) func whoStartsSparesOthersToo() async {
        let house = WorkerHouse {
            $0.isShared = true
            $0.leaseSeconds = 3_600
        } answer: {
            await Self.read($0)
        }
        async let running: Void = house.worker.run()
        while house.queue.claims.isEmpty { await Task.yield() }
        house.worker.stop()
        await running
        #expect(house.queue.claims.allSatisfy { !$0.reclaims })
    }
}
