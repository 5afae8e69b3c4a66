import Glibc
import MailCrypto
import MailModel
import MailPorts
import NIOCore
import Testing

@Suite("Port: DeliveryStore") struct DeliveryConformance {
    struct Size: Sendable, CustomTestStringConvertible {
        var count: Int
        var isNoise: Bool
        var testDescription: String { "\(count) octets of \(isNoise ? "noise" : "text")" }
        var octets: [UInt8] { isNoise ? Octets.noise(count) : Octets.text(count) }

        /// Around every threshold: empty, compressed inline (32 KiB), blob (64 KiB), uncompressed blob (4 MiB).
        static let all = [
            0, 1, 2, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 131_072, 200_001, 4_194_303, 4_194_304, 4_194_305,
        ]
        .flatMap { [Size(count: $0, isNoise: false), Size(count: $0, isNoise: true)] }
    }

    @Test(arguments: StoreFactory.all, Size.all) func theExactBytesComeBack(
        _ factory: StoreFactory,
        _ size: Size
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bytes = size.octets
        let prefix = Array("Return-Path: <>\r\n".utf8)
        let receipt = try await test.deliver(bytes, to: [ann], prefix: prefix)
        #expect(receipt.copies.map(\.uid) == [UID(1)])
        let entry = try #require(try await test.store.entries(in: inbox, of: ann.id).changed.first)
        #expect(entry.size == prefix.count + bytes.count)
        let whole = prefix + bytes
        #expect(try await test.store.read(entry.email, of: ann.id, range: 0..<Int.max).octets == whole)
        let edges = [
            0, 1, prefix.count - 1, prefix.count, prefix.count + 1, whole.count / 2, 65_536 + prefix.count,
            whole.count - 1, whole.count,
        ]
        .filter { $0 >= 0 && $0 <= whole.count }.sorted()
        for lower in edges {
            for upper in edges where upper >= lower && upper - lower < 300_000 {
                let part = try await test.store.read(entry.email, of: ann.id, range: lower..<upper)
                #expect(part.octets == Array(whole[lower..<upper]), "\(lower)..<\(upper)")
            }
        }
        #expect(
            try await test.store.read(entry.email, of: ann.id, range: (whole.count + 5)..<(whole.count + 9))
                .readableBytes == 0
        )
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all, [10, 300_000]) func aSpoolFileIsDelivered(
        _ factory: StoreFactory,
        _ size: Int
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bytes = Octets.noise(size)
        let path = test.folder.path + "/spooled"
        let file = try #require(fopen(path, "w"))
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        var plan = DeliveryPlan.example(
            [],
            at: test.clock.now(),
            to: [LocalCopy(account: ann.id, recipient: ann.primaryAddress)]
        )
        plan.bytes = .file(path: path, size: size)
        _ = try await test.store.deliver(plan)
        unlink(path)
        let entry = try #require(try await test.store.entries(in: inbox, of: ann.id).changed.first)
        #expect(try await test.store.read(entry.email, of: ann.id, range: 0..<Int.max).octets == bytes)

        plan.queueID = QueueID(rawValue: "again")
        await #expect(throws: StoreError.self) { try await test.store.deliver(plan) }
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.count == 1)
    }

    @Test(arguments: StoreFactory.all) func aPlanWritesEverythingAtOnce(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        let heardByAnn = Heard()
        let heardByBob = Heard()
        let listeners = [
            test.feed.listen(to: ann.id) { heardByAnn.note($0) }, test.feed.listen(to: bob.id) { heardByBob.note($0) },
            test.feed.listenForQueueWork { heardByAnn.noteWork() },
        ]
        let now = test.clock.now()
        var plan = DeliveryPlan.example(
            Octets.text(1_000),
            at: now,
            to: [
                LocalCopy(account: ann.id, recipient: ann.primaryAddress, prefix: Array("A: 1\r\n".utf8)),
                LocalCopy(
                    account: bob.id,
                    recipient: bob.primaryAddress,
                    mailbox: .specialUse(.junk),
                    flags: [.seen, .flagged],
                    keywords: Keywords(["$Junk", "Work"])
                ),
            ],
            remote: ["x@away.test", "Y@away.test", "x@AWAY.test"],
            sender: .address(ann.primaryAddress),
            submitter: ann.id
        )
        plan.trace = [
            TraceEvent(
                at: now,
                kind: .accepted,
                queueID: plan.queueID,
                sender: "Ann@shop.test",
                recipient: "bob@shop.test",
                detail: "ok"
            )
        ]
        let receipt = try await test.store.deliver(plan)
        for listener in listeners { listener.cancel() }

        #expect(receipt.copies.map(\.account) == [ann.id, bob.id])
        let junk = try await test.mailbox("Junk", of: bob)
        #expect(receipt.copies.map(\.mailbox) == [inbox, junk.id])
        #expect(heardByAnn.changes == [Change(account: ann.id, mailbox: inbox, modSeq: receipt.copies[0].modSeq)])
        #expect(heardByBob.changes == [Change(account: bob.id, mailbox: junk.id, modSeq: receipt.copies[1].modSeq)])
        #expect(heardByAnn.queueWork == 1)

        let annEntry = try #require(try await test.store.entries(in: inbox, of: ann.id).changed.first)
        #expect(annEntry.size == 1_006)
        #expect(annEntry.flags == [])
        #expect(annEntry.internalDate == now)
        let bobEntry = try #require(try await test.store.entries(in: junk.id, of: bob.id).changed.first)
        #expect(bobEntry.size == 1_000)
        #expect(bobEntry.flags == [.seen, .flagged])
        #expect(bobEntry.keywords == Keywords(["$Junk", "Work"]))
        #expect((junk.messages, junk.unseen, junk.size) == (1, 0, 1_000))
        try await test.requireCounted(inbox, of: ann)
        let headerSizes = [
            try await test.store.content(.all, in: inbox, of: ann.id, fields: [], limit: 1).first?.summary.headerSize,
            try await test.store.content(.all, in: junk.id, of: bob.id, fields: [], limit: 1).first?.summary.headerSize,
        ]
        #expect(headerSizes == [26, 20])
        #expect(try await test.store.depth() == 2)
        #expect(try await test.store.find(plan.queueID.rawValue, since: nil, limit: 5).map(\.kind) == [.accepted])
        #expect(try await test.store.account(ann.id)?.usedBytes == 1_006)
        #expect(try await test.store.account(ann.id)?.usedMessages == 1)
    }

    @Test(arguments: StoreFactory.all) func overQuotaWritesNothing(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test", quota: 1_000)
        try await test.deliver(Octets.text(1_000), to: [bob])
        let heard = Heard()
        let listeners = [
            test.feed.listen(to: ann.id) { heard.note($0) }, test.feed.listenForQueueWork { heard.noteWork() },
        ]
        let now = test.clock.now()
        var plan = DeliveryPlan.example(
            Octets.text(10),
            at: now,
            to: [
                LocalCopy(account: ann.id, recipient: ann.primaryAddress),
                LocalCopy(account: bob.id, recipient: bob.primaryAddress),
            ],
            remote: ["x@away.test"]
        )
        plan.trace = [TraceEvent(at: now, kind: .accepted, queueID: plan.queueID, sender: "", detail: "ok")]
        await #expect(throws: StoreError.overQuota) { try await test.store.deliver(plan) }
        for listener in listeners { listener.cancel() }
        #expect(heard.changes == [])
        #expect(heard.queueWork == 0)
        #expect(try await test.store.depth() == 0)
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed == [])
        #expect(try await test.store.entries(in: inbox, of: ann.id).mailbox.uidNext == UID(1))
        #expect(try await test.store.find(plan.queueID.rawValue, since: nil, limit: 5).isEmpty)
        #expect(try await test.store.account(bob.id)?.usedBytes == 1_000)
        try await test.store.setQuota(bob.id, bytes: 1_010)
        _ = try await test.store.deliver(plan)
        #expect(try await test.store.account(bob.id)?.usedBytes == 1_010)
    }

    @Test(arguments: StoreFactory.all) func anAccountThatIsGoneIsNotFound(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let plan = DeliveryPlan.example(
            Octets.text(10),
            at: test.clock.now(),
            to: [LocalCopy(account: AccountID(42), recipient: .sample("x@shop.test"))]
        )
        await #expect(throws: StoreError.notFound) { try await test.store.deliver(plan) }
    }

    @Test(arguments: StoreFactory.all) func aMissingSpecialFolderIsMade(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let junk = try await test.mailbox("Junk", of: ann)
        try await test.store.delete(junk.id, of: ann.id)
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        let plan = DeliveryPlan.example(
            Octets.text(10),
            at: test.clock.now(),
            to: [LocalCopy(account: ann.id, recipient: ann.primaryAddress, mailbox: .specialUse(.junk))]
        )
        let receipt = try await test.store.deliver(plan)
        listener.cancel()
        let made = try await test.mailbox("Junk", of: ann)
        #expect(made.specialUse == .junk)
        #expect(receipt.copies.map(\.mailbox) == [made.id])
        #expect(made.id != junk.id)
        #expect(made.uidValidity.rawValue > junk.uidValidity.rawValue)
        #expect(heard.changes.contains { $0.mailbox == nil })
    }

    @Test(arguments: StoreFactory.all) func manyAtOnceAllArrive(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test", quota: 2_000)
        let delivered = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let account = number % 2 == 0 ? ann : bob
                    return (try? await test.deliver(Octets.text(100), to: [account])) != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        // Bob has room for twenty; each refusal took nothing of its neighbours with it.
        #expect(delivered == 120)
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.map(\.uid.rawValue) == Array(1...100))
        #expect(try await test.store.entries(in: inbox, of: bob.id).changed.map(\.uid.rawValue) == Array(1...20))
        #expect(try await test.store.account(bob.id)?.usedBytes == 2_000)
        try await test.requireCounted(inbox, of: ann)
        try await test.requireCounted(inbox, of: bob)
    }

    @Test(arguments: StoreFactory.all) func answersJoinTheirThread(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        for (id, references) in [
            ("a@x", []), ("b@x", ["a@x"]), ("c@x", ["z@x", "b@x"]), ("d@x", []), ("e@x", ["q@x"]), ("f@x", ["q@x"]),
        ] as [(String, [String])] {
            var summary = MessageSummary.example
            summary.messageID = id
            summary.references = references
            try await test.deliver(Octets.text(10), to: [ann], summary: summary)
        }
        let threads = try await test.store.content(.all, in: inbox, of: ann.id, fields: [.headers], limit: 10).map(
            \.thread
        )
        #expect(threads[0] == threads[1] && threads[1] == threads[2])
        #expect(threads[3] != threads[0])
        #expect(threads[4] == threads[5])
        #expect(threads[4] != threads[3])
    }
}
