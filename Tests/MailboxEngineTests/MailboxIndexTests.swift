import MailModel
import MailPorts
import MailboxEngine
import Synchronization
import Testing

@Suite struct MailboxIndexTests {
    private func entry(
        _ uid: UInt32,
        _ modSeq: Int64,
        flags: MessageFlags = [],
        keywords: [String] = []
    ) -> MessageEntry {
        MessageEntry(
            uid: UID(uid),
            flags: flags,
            keywords: Keywords(keywords),
            modSeq: ModSeq(modSeq),
            email: EmailID(1),
            size: 1,
            internalDate: Timestamp(seconds: 0),
            savedAt: Timestamp(seconds: 0)
        )
    }

    @Test("a STORE that directly follows is taken without a read, another is not")
    func ownStore() async throws {
        let mailbox = FakeMailbox()
        mailbox.add()
        let indexes = MailboxIndexes(store: mailbox, feed: FakeFeed())
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        _ = try await lease.index.current()
        #expect(lease.index.apply(StoreOutcome(entries: [entry(1, 9, flags: .seen)], modified: [])) == nil)
        #expect(
            lease.index.apply(StoreOutcome(entries: [entry(1, 3, flags: .seen, keywords: ["a"])], modified: []))
                == ModSeq(3)
        )
        let known = try #require(lease.index.known)
        #expect(known.flags(at: 0) == .seen && known.keywords(at: 0).names == ["a"] && known.modSeq == ModSeq(3))
    }

    @Test("news of what the store never had do not hide what comes next")
    func newsOfOthers() async throws {
        let (mailbox, feed) = (FakeMailbox(), FakeFeed())
        mailbox.add()
        let lease = MailboxIndexes(store: mailbox, feed: feed).lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        func announce(_ modSeq: Int64) {
            feed.publish([Change(account: FakeMailbox.account, mailbox: FakeMailbox.mailbox, modSeq: ModSeq(modSeq))])
        }
        announce(90)
        #expect(try await lease.index.current().count == 1)
        for turn in 2...4 {
            mailbox.add()
            announce(mailbox.state.withLock { $0.modSeq })
            #expect(try await lease.index.current().count == turn)
            announce(100)
            #expect(try await lease.index.current().count == turn)
        }
        let reads = mailbox.state.withLock { $0.reads }
        _ = try await lease.index.current()
        #expect(mailbox.state.withLock { $0.reads } == reads, "without news nothing is read")
    }

    @Test("an account made anew ends the index")
    func madeAnew() async throws {
        let mailbox = FakeMailbox()
        mailbox.add()
        let indexes = MailboxIndexes(store: mailbox, feed: FakeFeed())
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        _ = try await lease.index.current()
        mailbox.state.withLock { $0.validity = 2 }
        await #expect(throws: StoreError.notFound) { try await lease.index.current(asksStore: true) }
        await #expect(throws: StoreError.notFound) { try await lease.index.current() }
        indexes.forget(lease.index)
        let next = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        #expect(try await next.index.current().count == 1)
    }

    @Test("sessions share an index; without users it goes when memory is short")
    func eviction() async throws {
        let mailbox = FakeMailbox()
        for _ in 0..<100 { mailbox.add() }
        let indexes = MailboxIndexes(store: mailbox, feed: FakeFeed(), budget: 1_000)
        do {
            let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
            let other = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
            #expect(lease.index === other.index)
            _ = try await lease.index.current()
            indexes.makeRoom()
            #expect(indexes.byteCount > 1_000)
            _ = other
        }
        #expect(indexes.byteCount == 0)
    }

    @Test("watchers hear of changes of their mailbox only, until they leave")
    func watchers() async throws {
        let feed = FakeFeed()
        let indexes = MailboxIndexes(store: FakeMailbox(), feed: feed)
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        await confirmation(expectedCount: 1) { heard in
            let number = lease.index.watch { heard() }
            feed.publish([Change(account: FakeMailbox.account, mailbox: MailboxID(2), modSeq: ModSeq(5))])
            feed.publish([Change(account: FakeMailbox.account, mailbox: FakeMailbox.mailbox, modSeq: ModSeq(6))])
            lease.index.unwatch(number)
            feed.publish([Change(account: FakeMailbox.account, mailbox: FakeMailbox.mailbox, modSeq: ModSeq(7))])
        }
    }

    @Test("ENVELOPEs come from memory the second time, and only for messages that are there")
    func envelopes() async throws {
        let mailbox = FakeMailbox()
        for number in 0..<30 { mailbox.add("Subject: number \(number)\r\n\r\n") }
        let indexes = MailboxIndexes(store: mailbox, feed: FakeFeed())
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        func subjects(_ uids: [UInt32]) async throws -> [String?] {
            let snapshot = try await lease.index.current(asksStore: true)
            var envelopes = try await lease.envelopes(uids, in: snapshot)
            return uids.map { uid in
                var text: String?
                _ = envelopes.next(uid) { text = String(decoding: $0, as: UTF8.self) }
                return text.map { String($0.split(separator: "\"").dropFirst().first ?? "") }
            }
        }
        #expect(try await subjects([20, 22]) == ["number 19", "number 21"])
        #expect(try await subjects(Array(1...10)).last == "number 9")
        #expect(try await subjects(Array(5...15)).last == "number 14")
        #expect(try await subjects(Array(11...30)).first == "number 10")
        let reads = mailbox.state.withLock { $0.contentReads }
        #expect(try await subjects([1, 3, 11, 30]) == ["number 0", "number 2", "number 10", "number 29"])
        #expect(mailbox.state.withLock { $0.contentReads } == reads)
        #expect(try await subjects([99]) == [nil])
    }
}
