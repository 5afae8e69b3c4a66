import MailModel
import MailPorts
import MailQueue
import MailTesting
import MessageFormat
import NIOCore
import Synchronization
import Testing

@Suite struct QueueWorkerTests {
    // MARK: - Outcomes

    @Test func deliveredMailLeavesTheQueue() async throws {
        let house = WorkerHouse { call in FakeTransport.report(call) { _ in .accepted(reply: "250 2.0.0 Queued as 1") }
        }
        let id = house.put(to: ["bob@far.test", "eve@far.test"], content: "0123456789")
        await house.worker.runOnce()
        #expect(house.queue.waiting.isEmpty)
        let result = try #require(house.queue.results.first)
        #expect(result.outcomes.count == 2)
        #expect(result.outcomes.first?.reply == "250 2.0.0 Queued as 1 (mx1.far.test)")
        #expect(result.attempts.count == 1)
        #expect(result.bounce == nil)
        #expect(result.trace.map(\.kind) == [.sent, .sent])
        #expect(result.trace.first?.queueID == id)
        #expect(result.trace.first?.remote == ip("192.0.2.1"))
        #expect(result.trace.first?.detail == "250 2.0.0 Queued as 1; mx1.far.test [192.0.2.1]:25")
        // One transaction carried both, and reads the message's own bytes.
        let call = try #require(house.transport.calls.first)
        #expect(house.transport.calls.count == 1)
        #expect(Set(call.message.recipients) == [address("bob@far.test"), address("eve@far.test")])
        #expect(String(buffer: try await call.message.read(2..<5)) == "234")
    }

    @Test func oneTransactionMaySplitThreeWays() async throws {
        let house = WorkerHouse { call in
            FakeTransport.report(call) { recipient in
                switch recipient.localPart {
                case "yes": .accepted(reply: "250 2.1.5 OK")
                case "later": .transient(reply: "450 4.2.1 Later (mx1.far.test)")
                default: .permanent(reply: "550 5.1.1 No such user (mx1.far.test)")
                }
            }
        }
        let ann = try await house.addSender("ann@shop.test")
        house.put(to: ["yes@far.test", "later@far.test", "no@far.test"])
        await house.worker.runOnce()
        let due = try #require(house.queue.waiting["later@far.test"])
        #expect(house.queue.waiting.count == 1)
        let wait = due.microseconds - house.clock.now().microseconds
        // Counted from the lease on, which was a moment ago.
        #expect((270_000_000...390_000_000).contains(wait))
        let result = try #require(house.queue.results.first)
        #expect(Set(result.trace.map(\.kind)) == [.sent, .deferred, .bounced])
        let bounce = try #require(result.bounce)
        #expect(bounce.sender == .null)
        #expect(bounce.submitter == .system)
        #expect(bounce.localCopies.map(\.account) == [ann])
        #expect(
            bounce.localCopies.first.map { String(decoding: $0.prefix, as: UTF8.self) }
                == "Return-Path: <>\r\nDelivered-To: ann@shop.test\r\n"
        )
        #expect(bounce.remote.isEmpty)
        guard case .memory(let bytes) = bounce.bytes else { return #expect(Bool(false), "the bounce is in a file") }
        let text = String(buffer: bytes)
        #expect(text.contains("Final-Recipient: rfc822; no@far.test"))
        #expect(text.contains("Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"))
        #expect(text.contains("Remote-MTA: dns; mx1.far.test"))
        #expect(!text.contains("later@far.test"))
        #expect(!text.contains("secret"))
    }

    @Test func theBounceOfARemoteSenderIsQueued() async throws {
        let house = WorkerHouse { call in FakeTransport.report(call) { _ in .permanent(reply: "550 5.7.1 No") } }
        house.put(from: .address(address("carol@elsewhere.test")), to: ["bob@far.test"])
        await house.worker.runOnce()
        let bounce = try #require(house.queue.results.first?.bounce)
        #expect(bounce.remote.map(\.address) == [address("carol@elsewhere.test")])
        #expect(bounce.localCopies.isEmpty)
        #expect(house.isNow(bounce.expiresAt.adding(seconds: -432_000)))
    }

    @Test func bouncesFollowAliasesAndDetails() async throws {
        let house = WorkerHouse { call in FakeTransport.report(call) { _ in .permanent(reply: "550 5.7.1 No") } }
        let ann = try await house.addSender("ann@shop.test")
        try await house.directory.addAlias(
            address("sales@shop.test"),
            targets: [address("ann@shop.test"), address("x@far.test")]
        )
        house.put(from: .address(address("sales+42@shop.test")), to: ["bob@far.test"])
        await house.worker.runOnce()
        let bounce = try #require(house.queue.results.first?.bounce)
        #expect(bounce.localCopies.map(\.account) == [ann])
        #expect(bounce.remote.map(\.address) == [address("x@far.test")])
    }

    @Test(arguments: [ReversePath.null, .address(address("gone@shop.test"))])
    func nobodyIsToldWhenThereIsNobody(_ sender: ReversePath) async throws {
        let house = WorkerHouse { call in
            FakeTransport.report(call) { _ in .permanent(reply: "550 5.1.1 No such user") }
        }
        _ = try await house.addSender("ann@shop.test")
        house.put(from: sender, to: ["bob@far.test"])
        await house.worker.runOnce()
        let result = try #require(house.queue.results.first)
        #expect(result.bounce == nil)
        #expect(house.queue.waiting.isEmpty)
        #expect(result.trace.first?.kind == .bounced)
        #expect(result.trace.first?.detail.hasSuffix("nobody is told") == true)
    }

    @Test func expiredMailIsGivenUpWithTheLastReason() async throws {
        let house = WorkerHouse { call in FakeTransport.report(call) { _ in .transient(reply: "451 4.3.2 Busy") } }
        _ = try await house.addSender("ann@shop.test")
        house.put(to: ["bob@far.test"])
        house.clock.advance(seconds: 432_000)
        await house.worker.runOnce()
        let result = try #require(house.queue.results.first)
        guard case .failed? = result.outcomes.first?.result else { return #expect(Bool(false), "not given up") }
        #expect(result.outcomes.first?.reply == "554 4.4.7 Delivery time expired; last: 451 4.3.2 Busy (mx1.far.test)")
        guard case .memory(let bytes)? = result.bounce?.bytes else { return #expect(Bool(false), "no bounce") }
        #expect(String(buffer: bytes).contains("Status: 4.4.7\r\n"))
    }

    @Test func domainsWithoutHostsNeedNoTransport() async throws {
        let house = WorkerHouse { call in FakeTransport.report(call) { _ in .accepted(reply: "250 OK") } }
        _ = try await house.addSender("ann@shop.test")
        house.put(to: ["bob@nowhere.test"])
        await house.worker.runOnce()
        #expect(house.transport.calls.isEmpty)
        let result = try #require(house.queue.results.first)
        #expect(result.outcomes.first?.reply == "550 5.1.2 The domain nowhere.test does not exist")
        guard case .memory(let bytes)? = result.bounce?.bytes else { return #expect(Bool(false), "no bounce") }
        #expect(String(buffer: bytes).contains("Diagnostic-Code: X-Oonrumail; 550 5.1.2"))
    }

    // MARK: - Hosts

    @Test func theNextHostIsTriedUntilOneIsReached() async throws {
        let house = WorkerHouse(hosts: 4) { call in
            FakeTransport.report(call, reached: call.host.name == "mx3.far.test") { _ in
                call.host.name == "mx3.far.test"
                    ? .accepted(reply: "250 OK") : .transient(reply: "451 4.4.1 no connection")
            }
        }
        house.put(to: ["bob@far.test"])
        await house.worker.runOnce()
        #expect(house.transport.calls.map(\.host.name) == ["mx1.far.test", "mx2.far.test", "mx3.far.test"])
        #expect(house.queue.results.first?.attempts.count == 3)
        #expect(house.queue.waiting.isEmpty)
    }

    @Test func aReachedHostThatSaysLaterEndsTheAttempt() async {
        let house = WorkerHouse(hosts: 2) { call in
            FakeTransport.report(call) { _ in .transient(reply: "450 4.7.1 Greylisted") }
        }
        house.put(to: ["bob@far.test"])
        await house.worker.runOnce()
        #expect(house.transport.calls.count == 1)
        #expect(house.queue.results.first?.outcomes.first?.reply == "450 4.7.1 Greylisted (mx1.far.test)")
    }

    struct TurnedAway: Sendable {
        let replies: [RemoteResult]
        let isGivenUp: Bool
    }

    @Test(arguments: [
        TurnedAway(replies: [.permanent(reply: "554 5.7.1 No"), .permanent(reply: "554 5.7.1 No")], isGivenUp: true),
        TurnedAway(
            replies: [.transient(reply: "451 4.4.1 away"), .permanent(reply: "554 5.7.1 No")],
            isGivenUp: false
        ),
        TurnedAway(
            replies: [.permanent(reply: "554 5.7.1 No"), .transient(reply: "451 4.4.1 away")],
            isGivenUp: false
        ),
    ])
    func mailIsGivenUpOnlyWhenEveryHostTurnsItAway(_ row: TurnedAway) async {
        let house = WorkerHouse(hosts: 2) { call in
            FakeTransport.report(call, reached: false) { _ in row.replies[call.host.name == "mx1.far.test" ? 0 : 1] }
        }
        house.put(from: .null, to: ["bob@far.test"])
        await house.worker.runOnce()
        #expect(house.transport.calls.count == 2)
        #expect(house.queue.waiting.isEmpty == row.isGivenUp)
    }

    // MARK: - Trouble with the store

    @Test func aLostLeaseIsNotRecorded() async {
        let queue = Mutex<FakeQueue?>(nil)
        let house = WorkerHouse { call in
            queue.withLock { $0 }?.steal()
            return FakeTransport.report(call) { _ in .accepted(reply: "250 OK") }
        }
        queue.withLock { $0 = house.queue }
        house.put(to: ["bob@far.test"])
        await house.worker.runOnce()
        #expect(house.queue.results.isEmpty)
        #expect(house.queue.waiting.count == 1)
    }

    @Test(arguments: [StoreError.overQuota, .notFound, .refused("no")])
    func aBounceThatCannotBeDeliveredDoesNotHoldUpTheResult(_ error: StoreError) async throws {
        let house = WorkerHouse { call in
            FakeTransport.report(call) { _ in .permanent(reply: "550 5.1.1 No such user") }
        }
        _ = try await house.addSender("ann@shop.test")
        house.put(to: ["bob@far.test"])
        house.queue.failFinish([error])
        await house.worker.runOnce()
        let result = try #require(house.queue.results.first)
        #expect(result.bounce == nil)
        #expect(house.queue.waiting.isEmpty)
    }

    @Test func whileTheDirectoryIsAwayNobodyIsGivenUp() async throws {
        let house = WorkerHouse { call in
            FakeTransport.report(call) { _ in .permanent(reply: "550 5.1.1 No such user") }
        }
        _ = try await house.addSender("ann@shop.test")
        house.put(to: ["bob@far.test"])
        house.directory.fail(with: .unavailable(reportID: "r"))
        await house.worker.runOnce()
        let due = try #require(house.queue.waiting["bob@far.test"])
        #expect(due > house.clock.now())
        house.directory.fail(with: nil)
        house.clock.advance(seconds: 400)
        await house.worker.runOnce()
        #expect(house.queue.results.last?.bounce != nil)
        #expect(house.queue.waiting.isEmpty)
    }

    @Test func aMessageThatCannotBeReadIsBouncedWithoutItsHeader() async throws {
        let house = WorkerHouse { call in
            FakeTransport.report(call) { _ in .permanent(reply: "550 5.1.1 No such user") }
        }
        _ = try await house.addSender("ann@shop.test")
        house.put(to: ["bob@far.test"])
        house.queue.failRead(.damaged(reportID: "r"))
        await house.worker.runOnce()
        guard case .memory(let bytes)? = house.queue.results.first?.bounce?.bytes else {
            return #expect(Bool(false), "no bounce")
        }
        #expect(ParsedMessage(parsing: Array(bytes.readableBytesView)).root.children.count == 2)
    }

    // MARK: - Retries

    @Test func intervalsGrowFromAttemptToAttempt() async throws {
        let house = WorkerHouse { call in
            FakeTransport.report(call, reached: false) { _ in .transient(reply: "451 4.4.1 away") }
        }
        house.put(to: ["bob@far.test"])
        var waits: [Int64] = []
        for _ in 0..<4 {
            await house.worker.runOnce()
            let due = try #require(house.queue.waiting["bob@far.test"])
            let wait = due.microseconds - house.clock.now().microseconds
            waits.append(wait / 1_000_000)
            house.clock.advance(seconds: wait / 1_000_000 + 1)
        }
        for (wait, plain) in zip(waits, [300, 600, 1_200, 2_400] as [Int64]) {
            #expect((plain * 9 / 10 - 1...plain * 11 / 10 + 1).contains(wait), "\(waits)")
        }
    }
}
