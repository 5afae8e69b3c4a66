import MailModel
import MailPorts
import NIOCore
import Testing

@Suite("Port: MailboxStore, messages") struct MessageConformance {
    @Test(arguments: StoreFactory.all) func appending(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test", quota: 1_000)
        let date = Timestamp(seconds: 1_600_000_000)
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        let items = [10, 20].map { size in
            AppendItem(
                bytes: .memory(ByteBuffer(bytes: Octets.text(size))),
                summary: .example,
                flags: [.draft, .seen],
                keywords: Keywords(["zoo", "Apple"]),
                internalDate: date
            )
        }
        let receipt = try await test.store.append(items, to: inbox, of: ann.id)
        #expect(receipt.uids == [UID(1), UID(2)])
        let all = try await test.store.entries(in: inbox, of: ann.id)
        #expect(receipt.uidValidity == all.mailbox.uidValidity)
        #expect(all.changed.map(\.size) == [10, 20])
        #expect(
            all.changed.allSatisfy {
                $0.flags == [.draft, .seen] && $0.keywords.names == ["Apple", "zoo"] && $0.internalDate == date
            }
        )
        #expect(all.changed.allSatisfy { $0.savedAt == test.clock.now() })
        #expect(all.vanished == [])
        #expect(heard.changes.last == Change(account: ann.id, mailbox: inbox, modSeq: all.mailbox.highestModSeq))
        listener.cancel()
        try await test.requireCounted(inbox, of: ann)

        // All or none.
        await #expect(throws: StoreError.overQuota) { try await test.append([300, 300, 500], to: inbox, of: ann) }
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed == all.changed)
        await #expect(throws: StoreError.notFound) { try await test.append([1], to: MailboxID(99), of: ann) }
        #expect(try await test.store.account(ann.id)?.usedBytes == 30)
    }

    @Test(arguments: StoreFactory.all) func contentByFields(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        for number in 1...5 {
            var summary = MessageSummary.example
            summary.subject = "Number \(number) – ä"
            summary.messageID = number == 3 ? nil : "\(number)@shop.test"
            summary.sentAt = number == 4 ? nil : Timestamp(seconds: Int64(number))
            summary.hasAttachment = number == 5
            try await test.deliver(Octets.text(10), to: [ann], summary: summary)
        }
        let all = try await test.store.content(
            .all,
            in: inbox,
            of: ann.id,
            fields: [.envelope, .bodyStructure, .headers, .preview],
            limit: 100
        )
        #expect(all.map(\.uid.rawValue) == [1, 2, 3, 4, 5])
        #expect(all.map(\.summary.subject) == (1...5).map { "Number \($0) – ä" })
        #expect(all.map(\.summary.messageID) == ["1@shop.test", "2@shop.test", nil, "4@shop.test", "5@shop.test"])
        #expect(all.map(\.summary.sentAt?.seconds) == [1, 2, 3, nil, 5])
        #expect(all.map(\.summary.hasAttachment) == [false, false, false, false, true])
        #expect(
            all.allSatisfy {
                $0.summary.envelope == MessageSummary.example.envelope
                    && $0.summary.bodyStructure == MessageSummary.example.bodyStructure
            }
        )
        #expect(
            all.allSatisfy {
                $0.summary.from == "Ann ann@shop.test" && $0.summary.to == "bob@shop.test"
                    && $0.summary.cc == "cy@shop.test" && $0.summary.bcc == ""
            }
        )
        #expect(all.allSatisfy { $0.summary.preview == "Tea at four" && $0.summary.headerSize == 20 })
        let entries = try await test.store.entries(in: inbox, of: ann.id).changed
        #expect(all.map(\.email) == entries.map(\.email))
        let some = try await test.store.content(
            UIDRanges([1...2, 4...9]),
            in: inbox,
            of: ann.id,
            fields: [.headers],
            limit: 3
        )
        #expect(some.map(\.uid.rawValue) == [1, 2, 4])
        #expect(
            some.allSatisfy {
                $0.summary.envelope.isEmpty && $0.summary.bodyStructure.isEmpty && $0.summary.preview.isEmpty
            }
        )
        #expect(
            try await test.store.content(UIDRanges([5...9]), in: inbox, of: ann.id, fields: [.preview], limit: 3).map(
                \.summary.subject
            ) == [""]
        )
        #expect(
            try await test.store.content(UIDRanges([]), in: inbox, of: ann.id, fields: [.preview], limit: 3).isEmpty
        )
    }

    @Test(arguments: StoreFactory.all) func accountsDoNotSeeEachOther(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        try await test.deliver(Octets.text(10), to: [ann])
        let entry = try #require(try await test.store.entries(in: inbox, of: ann.id).changed.first)
        await #expect(throws: StoreError.notFound) { try await test.store.read(entry.email, of: bob.id, range: 0..<1) }
        #expect(try await test.store.content(.all, in: inbox, of: bob.id, fields: [], limit: 10).isEmpty)
        #expect(try await test.store.expunge(.all, in: inbox, of: bob.id) == [])
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.count == 1)
    }

    @Test(arguments: StoreFactory.all) func flags(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await test.append([10, 10, 10, 10], to: inbox, of: ann)
        let start = try await test.store.entries(in: inbox, of: ann.id).mailbox.highestModSeq
        func store(
            _ mode: FlagChange.Mode,
            _ flags: MessageFlags,
            _ keywords: [String] = [],
            _ uids: UIDRanges = .all,
            since: ModSeq? = nil
        ) async throws -> StoreOutcome {
            try await test.store.setFlags(
                uids,
                in: inbox,
                of: ann.id,
                change: FlagChange(mode: mode, flags: flags, keywords: Keywords(keywords)),
                unchangedSince: since
            )
        }
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        let added = try await store(.add, [.seen, .deleted], ["Work"], UIDRanges([2...3]))
        listener.cancel()
        #expect(added.entries.map(\.uid.rawValue) == [2, 3])
        #expect(added.modified == [])
        #expect(
            added.entries.allSatisfy {
                $0.flags == [.seen, .deleted] && $0.keywords.names == ["Work"] && $0.modSeq > start
            }
        )
        #expect(heard.changes == [Change(account: ann.id, mailbox: inbox, modSeq: added.entries[0].modSeq)])
        let changes = try await test.store.changes(in: inbox, of: ann.id, since: start)
        #expect(changes.changed == added.entries)
        #expect((changes.mailbox.unseen, changes.mailbox.deleted) == (2, 2))
        try await test.requireCounted(inbox, of: ann)

        // What is as asked already stays, with its modseq.
        let again = try await store(.add, [.seen], ["work"])
        #expect(again.entries.map(\.uid.rawValue) == [1, 2, 3, 4])
        #expect(again.entries[1].modSeq == added.entries[0].modSeq)
        #expect(again.entries[0].modSeq > added.entries[0].modSeq)
        #expect(again.entries[0].keywords.names == ["work"])
        #expect(again.entries[1].keywords.names == ["Work"])
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed == again.entries)
        try await test.requireCounted(inbox, of: ann)

        let removed = try await store(.remove, [.deleted, .flagged], ["WORK", "None"], UIDRanges([1...2]))
        #expect(removed.entries.map(\.flags) == [[.seen], [.seen]])
        #expect(removed.entries.allSatisfy { $0.keywords.isEmpty })
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.prefix(2) == removed.entries[...])

        let replaced = try await store(.replace, [.flagged], ["B", "A"], UIDRanges([1...1, 3...3]))
        #expect(replaced.entries.map(\.flags) == [[.flagged], [.flagged]])
        #expect(replaced.entries.map(\.keywords.names) == [["A", "B"], ["A", "B"]])
        try await test.requireCounted(inbox, of: ann)

        // RFC 7162 §3.1.3: UNCHANGEDSINCE.
        let state = try await test.store.entries(in: inbox, of: ann.id)
        let since = try #require(state.changed.map(\.modSeq).filter { $0 < state.mailbox.highestModSeq }.max())
        let conditional = try await store(.add, [.answered], since: since)
        #expect(conditional.modified.map(\.rawValue) == [1, 3])
        #expect(conditional.entries.map(\.uid.rawValue) == [2, 4])
        #expect(
            conditional.entries.allSatisfy { $0.flags.contains(.answered) && $0.modSeq > state.mailbox.highestModSeq }
        )
        let after = try await test.store.entries(in: inbox, of: ann.id).changed
        #expect(after.filter { $0.flags.contains(.answered) } == conditional.entries)

        let none = try await store(.replace, [], [], UIDRanges([50...60]))
        #expect(none.entries.isEmpty && none.modified.isEmpty)
        await #expect(throws: StoreError.notFound) {
            _ = try await test.store.setFlags(
                .all,
                in: MailboxID(99),
                of: ann.id,
                change: FlagChange(mode: .add, flags: [.seen], keywords: .none),
                unchangedSince: nil
            )
        }
        try await test.requireCounted(inbox, of: ann)
    }

    /// Keywords that differ before meet after; none is written twice or missed.
    @Test(arguments: StoreFactory.all) func keywordsOfManyMessages(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await test.append(Array(repeating: 10, count: 6), to: inbox, of: ann)
        let sets: [[String]] = [[], ["a"], ["b"], ["a", "b"], ["c"], ["a"]]
        for (index, names) in sets.enumerated() {
            _ = try await test.store.setFlags(
                UIDRanges(ascending: [UID(UInt32(index + 1))]),
                in: inbox,
                of: ann.id,
                change: FlagChange(mode: .replace, flags: [], keywords: Keywords(names)),
                unchangedSince: nil
            )
        }
        let outcome = try await test.store.setFlags(
            UIDRanges([1...2, 3...3, 4...6]),
            in: inbox,
            of: ann.id,
            change: FlagChange(mode: .add, flags: [], keywords: Keywords(["b", "a"])),
            unchangedSince: nil
        )
        #expect(
            outcome.entries.map(\.keywords.names) == [
                ["a", "b"], ["a", "b"], ["a", "b"], ["a", "b"], ["a", "b", "c"], ["a", "b"],
            ]
        )
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed == outcome.entries)
    }

    @Test(arguments: StoreFactory.all) func copying(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test", quota: 1_000)
        let archive = try await test.mailbox("Archive", of: ann)
        try await test.append([100, 150, 50], to: inbox, of: ann, flags: [.flagged])
        _ = try await test.store.setFlags(
            UIDRanges([3...3]),
            in: inbox,
            of: ann.id,
            change: FlagChange(mode: .add, flags: [.seen, .deleted], keywords: Keywords(["K"])),
            unchangedSince: nil
        )
        let source = try await test.store.entries(in: inbox, of: ann.id)
        test.clock.advance(seconds: 60)
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        let receipt = try await test.store.copy(UIDRanges([1...1, 3...9]), from: inbox, to: archive.id, of: ann.id)
        listener.cancel()
        #expect(receipt.source == [UID(1), UID(3)])
        #expect(receipt.destination == [UID(1), UID(2)])
        #expect(receipt.uidValidity == archive.uidValidity)
        let copies = try await test.store.entries(in: archive.id, of: ann.id)
        #expect(heard.changes == [Change(account: ann.id, mailbox: archive.id, modSeq: copies.mailbox.highestModSeq)])
        #expect(copies.changed.map(\.email) == [source.changed[0].email, source.changed[2].email])
        #expect(copies.changed.map(\.flags) == [[.flagged], [.flagged, .seen, .deleted]])
        #expect(copies.changed.map(\.keywords.names) == [[], ["K"]])
        #expect(copies.changed.map(\.internalDate) == [source.changed[0].internalDate, source.changed[2].internalDate])
        #expect(copies.changed.allSatisfy { $0.savedAt == test.clock.now() })
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed == source.changed)
        try await test.requireCounted(archive.id, of: ann)
        #expect(try await test.store.account(ann.id)?.usedBytes == 450)
        #expect(try await test.store.account(ann.id)?.usedMessages == 5)

        // To itself, and past the quota.
        let again = try await test.store.copy(UIDRanges([2...2]), from: inbox, to: inbox, of: ann.id)
        #expect(again.destination == [UID(4)])
        #expect(try await test.store.account(ann.id)?.usedBytes == 600)
        await #expect(throws: StoreError.overQuota) {
            _ = try await test.store.copy(.all, from: inbox, to: archive.id, of: ann.id)
        }
        await #expect(throws: StoreError.notFound) {
            _ = try await test.store.copy(.all, from: inbox, to: MailboxID(99), of: ann.id)
        }
        #expect(try await test.store.copy(UIDRanges([77...99]), from: inbox, to: archive.id, of: ann.id).source == [])
        try await test.requireCounted(inbox, of: ann)
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func moving(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test", quota: 300)
        let trash = try await test.mailbox("Trash", of: ann)
        try await test.append([100, 150, 50], to: inbox, of: ann, flags: [.seen])
        let before = try await test.store.entries(in: inbox, of: ann.id)
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        // The quota is full: moving needs no room.
        let receipt = try await test.store.move(UIDRanges([2...3]), from: inbox, to: trash.id, of: ann.id)
        listener.cancel()
        #expect(receipt.source == [UID(2), UID(3)])
        #expect(receipt.destination == [UID(1), UID(2)])
        #expect(Set(heard.changes.map(\.mailbox)) == [inbox, trash.id])
        let left = try await test.store.changes(in: inbox, of: ann.id, since: before.mailbox.highestModSeq)
        #expect(left.vanished == [UID(2), UID(3)])
        #expect(left.changed == [])
        #expect(left.mailbox.messages == 1)
        let moved = try await test.store.entries(in: trash.id, of: ann.id).changed
        #expect(moved.map(\.email) == before.changed.dropFirst().map(\.email))
        #expect(moved.map(\.flags) == [[.seen], [.seen]])
        #expect(try await test.store.read(moved[0].email, of: ann.id, range: 0..<Int.max).octets == Octets.text(150))
        #expect(try await test.store.account(ann.id)?.usedBytes == 300)
        try await test.requireCounted(inbox, of: ann)
        try await test.requireCounted(trash.id, of: ann)

        // RFC 6851 §3.3: to itself it gets a new UID.
        let same = try await test.store.move(UIDRanges([1...1]), from: inbox, to: inbox, of: ann.id)
        #expect((same.source, same.destination) == ([UID(1)], [UID(4)]))
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.map(\.uid) == [UID(4)])
        try await test.requireCounted(inbox, of: ann)
        #expect(try await test.store.move(UIDRanges([88...99]), from: inbox, to: trash.id, of: ann.id).source == [])
        await #expect(throws: StoreError.notFound) {
            _ = try await test.store.move(.all, from: inbox, to: MailboxID(99), of: ann.id)
        }
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.count == 1)
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func expunging(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await test.append([100, 200, 300], to: inbox, of: ann, flags: [.deleted])
        try await test.append([400], to: inbox, of: ann)
        let before = try await test.store.entries(in: inbox, of: ann.id)
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        #expect(try await test.store.expunge(UIDRanges([2...2, 4...9]), in: inbox, of: ann.id) == [UID(2)])
        listener.cancel()
        let middle = try await test.store.changes(in: inbox, of: ann.id, since: before.mailbox.highestModSeq)
        #expect(heard.changes == [Change(account: ann.id, mailbox: inbox, modSeq: middle.mailbox.highestModSeq)])
        #expect(middle.vanished == [UID(2)])
        #expect((middle.mailbox.messages, middle.mailbox.deleted) == (3, 2))
        #expect(try await test.store.expunge(.all, in: inbox, of: ann.id) == [UID(1), UID(3)])
        #expect(try await test.store.expunge(.all, in: inbox, of: ann.id) == [])
        let after = try await test.store.changes(in: inbox, of: ann.id, since: middle.mailbox.highestModSeq)
        #expect(after.vanished == [UID(1), UID(3)])
        #expect(
            try await test.store.changes(in: inbox, of: ann.id, since: before.mailbox.highestModSeq).vanished == [
                UID(1), UID(2), UID(3),
            ]
        )
        #expect(try await test.store.changes(in: inbox, of: ann.id, since: after.mailbox.highestModSeq).vanished == [])
        #expect(try await test.store.account(ann.id)?.usedBytes == 400)
        await #expect(throws: StoreError.notFound) {
            try await test.store.read(before.changed[0].email, of: ann.id, range: 0..<1)
        }
        try await test.requireCounted(inbox, of: ann)
        // UIDs do not come back.
        #expect(try await test.append([10], to: inbox, of: ann) == [UID(5)])
        await #expect(throws: StoreError.notFound) { try await test.store.expunge(.all, in: MailboxID(99), of: ann.id) }
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func modSeqsOnlyGrow(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let archive = try await test.mailbox("Archive", of: ann)
        var last = ModSeq(0)
        func step(_ mailbox: MailboxID) async throws {
            let now = try await test.store.mailbox(mailbox, of: ann.id).highestModSeq
            #expect(now > last)
            last = now
        }
        try await test.append([10, 20], to: inbox, of: ann)
        try await step(inbox)
        try await test.deliver(Octets.text(5), to: [ann])
        try await step(inbox)
        _ = try await test.store.setFlags(
            .all,
            in: inbox,
            of: ann.id,
            change: FlagChange(mode: .add, flags: [.deleted], keywords: .none),
            unchangedSince: nil
        )
        try await step(inbox)
        _ = try await test.store.copy(UIDRanges([1...1]), from: inbox, to: archive.id, of: ann.id)
        try await step(archive.id)
        _ = try await test.store.move(UIDRanges([1...1]), from: inbox, to: archive.id, of: ann.id)
        try await step(inbox)
        _ = try await test.store.expunge(.all, in: inbox, of: ann.id)
        try await step(inbox)
    }
}
