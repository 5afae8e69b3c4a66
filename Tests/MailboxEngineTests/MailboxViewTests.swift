import IMAPWire
import MailModel
import MailPorts
import MailboxEngine
import Synchronization
import Testing

/// A seeded generator: a failing round can be run again.
struct Lottery: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 2 &+ 1 }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}

/// What a client believes, from the responses alone.
struct NaiveClient {
    /// By sequence number; nil where it has not fetched the UID yet.
    var messages: [UInt32?]
    var flags: [MessageFlags?]

    mutating func take(_ update: ViewUpdate, _ snapshot: MailboxSnapshot) {
        for number in update.expunged {
            messages.remove(at: number - 1)
            flags.remove(at: number - 1)
        }
        if let exists = update.exists {
            while messages.count < exists {
                messages.append(nil)
                flags.append(nil)
            }
        }
        for change in update.changed { flags[change.number - 1] = snapshot.flags(at: change.index) }
    }
}

@Suite struct MailboxViewTests {
    private func snapshot(_ mailbox: FakeMailbox) async throws -> MailboxSnapshot {
        MailboxSnapshot(try await mailbox.entries(in: FakeMailbox.mailbox, of: FakeMailbox.account))
    }

    @Test("RFC 9051 §5.5, §7.5.1: after any changes the client's numbers are the server's", arguments: 0..<60)
    func numbersAgree(seed: Int) async throws {
        var lottery = Lottery(UInt64(seed))
        let mailbox = FakeMailbox()
        for _ in 0..<Int.random(in: 0...8, using: &lottery) {
            mailbox.add(gap: UInt32.random(in: 0...2, using: &lottery))
        }
        let feed = FakeFeed()
        let indexes = MailboxIndexes(store: mailbox, feed: feed)
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        let first = try await lease.index.current()
        var view = MailboxView(first)
        var client = NaiveClient(messages: first.uids, flags: first.uids.indices.map { first.flags(at: $0) })
        for _ in 0..<80 {
            for _ in 0..<Int.random(in: 0...3, using: &lottery) {
                let count = mailbox.uids.count
                switch Int.random(in: 0...2, using: &lottery) {
                case 0: mailbox.add(gap: UInt32.random(in: 0...1, using: &lottery))
                case 1 where count > 0: mailbox.remove(at: Int.random(in: 0..<count, using: &lottery))
                case _ where count > 0: mailbox.toggle(at: Int.random(in: 0..<count, using: &lottery), .seen)
                default: ()
                }
            }
            let modSeq = mailbox.state.withLock { ModSeq($0.modSeq) }
            feed.publish([Change(account: FakeMailbox.account, mailbox: FakeMailbox.mailbox, modSeq: modSeq)])
            let now = try await lease.index.current()
            let mayExpunge = Bool.random(using: &lottery)
            let before = view.uids
            let update = view.advance(to: now, mayExpunge: mayExpunge)
            client.take(update, now)
            // The server's numbers never move without being told.
            #expect(client.messages.count == view.count)
            for (row, uid) in view.uids.enumerated() {
                if let known = client.messages[row] { #expect(known == uid) }
                client.messages[row] = uid
            }
            if mayExpunge {
                #expect(view.uids == mailbox.uids)
                #expect(!view.isBehind(now))
            } else {
                #expect(update.expunged.isEmpty && view.uids.starts(with: before))
            }
            for (row, uid) in view.uids.enumerated() {
                guard let index = now.index(of: uid) else { continue }
                if let flags = client.flags[row] {
                    #expect(flags == now.flags(at: index))
                } else {
                    client.flags[row] = now.flags(at: index)
                }
            }
            // Rows lead to the right messages, those that are gone to none.
            var seen: [UInt32] = []
            let gone = view.forEach([0..<view.count], in: now) { row, index in
                #expect(view.uids[row] == now.uids[index])
                seen.append(now.uids[index])
            }
            #expect(gone == view.count - seen.count)
            #expect(Set(seen) == Set(view.uids).intersection(mailbox.uids))
        }
    }

    @Test("EXPUNGE numbers count after those before them")
    func ascendingExpunges() async throws {
        let mailbox = FakeMailbox()
        for _ in 0..<6 { mailbox.add() }
        var view = MailboxView(try await snapshot(mailbox))
        mailbox.remove(at: 4)
        mailbox.remove(at: 1)
        mailbox.remove(at: 0)
        var now = try await snapshot(mailbox)
        now = try await advanced(mailbox, from: view)
        #expect(view.advance(to: now, mayExpunge: true).expunged == [1, 1, 3])
        #expect(view.uids == [3, 4, 6])
    }

    /// A snapshot that has followed the changes, so that its generation tells of them.
    private func advanced(_ mailbox: FakeMailbox, from view: MailboxView) async throws -> MailboxSnapshot {
        let full = FakeMailbox()
        for _ in 0..<view.count { full.add() }
        var snapshot = try await snapshot(full)
        snapshot.apply(try await mailbox.changes(in: FakeMailbox.mailbox, of: FakeMailbox.account, since: ModSeq(0)))
        return snapshot
    }

    @Test("a session's own change is not told again")
    func ownChange() async throws {
        let mailbox = FakeMailbox()
        mailbox.add()
        mailbox.add()
        let indexes = MailboxIndexes(store: mailbox, feed: FakeFeed())
        let lease = indexes.lease(FakeMailbox.mailbox, of: FakeMailbox.account)
        var view = MailboxView(try await lease.index.current())
        mailbox.toggle(at: 0, .seen)
        let own = mailbox.state.withLock { ModSeq($0.modSeq) }
        mailbox.toggle(at: 1, .flagged)
        let now = try await lease.index.current(asksStore: true)
        #expect(view.advance(to: now, mayExpunge: true, own: own).changed == [ChangedMessage(number: 2, index: 1)])
    }

    struct SetRow: CustomTestStringConvertible {
        var text: String
        /// nil: out of range.
        var numbers: [Range<Int>]?
        var uids: [Range<Int>]
        var testDescription: String { text }
        init(_ text: String, _ numbers: [Range<Int>]?, _ uids: [Range<Int>]) {
            self.text = text
            self.numbers = numbers
            self.uids = uids
        }
    }

    /// UIDs 2, 4, 6, 8.
    @Test(
        "RFC 9051 §9 sequence-set: numbers and UIDs",
        arguments: [
            SetRow("1", [0..<1], []), SetRow("2:3", [1..<3], [0..<1]), SetRow("*", [3..<4], [3..<4]),
            SetRow("3:*", [2..<4], [1..<4]),
            SetRow("9:*", [3..<4], [3..<4]), SetRow("5", nil, []), SetRow("2:100", [1..<4], [0..<4]),
            SetRow("4,1", [0..<1, 3..<4], [1..<2]),
            SetRow("6,4,8", nil, [1..<4]), SetRow("1:2,2:3", [0..<3], [0..<1]),
        ]
    )
    func sets(row: SetRow) async throws {
        let mailbox = FakeMailbox()
        for _ in 0..<4 { mailbox.add(gap: 1) }
        let view = MailboxView(try await snapshot(mailbox))
        let parsed = try IMAPCommandParser.parse(Array("a FETCH \(row.text) FLAGS".utf8), isUTF8: false)
        guard case .fetch(let set, _, _) = parsed.command else { preconditionFailure("a FETCH") }
        #expect((try? view.rows(numbers: set)) == row.numbers)
        #expect(view.rows(uids: set) == row.uids)
    }

    @Test("adjacent rows are one UID range, whatever lies between")
    func ranges() async throws {
        let mailbox = FakeMailbox()
        for _ in 0..<4 { mailbox.add(gap: 5) }
        let view = MailboxView(try await snapshot(mailbox))
        #expect(view.uidRanges([0..<2, 3..<4]).ranges == [6...12, 24...24])
    }
}
