import MailModel
import MailPorts
import NIOCore
import Testing

/// Scripts of people, what they remember, and filing of stored mail, on every engine.
@Suite("Port: ScriptStore") struct ScriptConformance {
    private func audit(_ test: StoreUnderTest, _ action: String = "sieve.put") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "op", action: action, subject: "ann@shop.test")
    }

    @discardableResult
    private func put(
        _ name: String,
        _ text: String,
        _ account: Account,
        _ test: StoreUnderTest
    ) async throws -> ScriptEntry {
        try await test.store.putScript(named: name, text, of: account.id, atMost: 2, audit: audit(test)).entry
    }

    private func mark(_ account: Account, _ test: StoreUnderTest) async throws -> Int64? {
        switch try await test.store.resolve(account.primaryAddress) {
        case .account(_, usedBytes: _, quotaBytes: _, let script, isAway: _): script
        case _: nil
        }
    }

    @Test(arguments: StoreFactory.all)
    func `one script is active, and the row of the address tells its version`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let store = test.store
        let first = try await put("Élève 1", "keep;", ann, test)
        #expect(!first.isActive && first.size == 5)
        #expect(try await mark(ann, test) == nil)
        #expect(try await store.activeScript(of: ann.id) == nil)
        try await store.activateScript(named: "Élève 1", of: ann.id, audit: audit(test))
        #expect(try await mark(ann, test) == first.version)
        #expect(try await store.activeScript(of: ann.id)?.text == "keep;")
        // A new text has a new version, and stays active.
        test.clock.advance(seconds: 5)
        let next = try await put("Élève 1", "stop;\n", ann, test)
        #expect(next.isActive && next.version != first.version && next.createdAt == first.createdAt)
        #expect(try await mark(ann, test) == next.version)
        #expect(try await store.script(named: "Élève 1", of: ann.id) == StoredScript(entry: next, text: "stop;\n"))
        await #expect(throws: StoreError.refused("The active script is not removed.")) {
            try await store.removeScript(named: "Élève 1", of: ann.id, audit: audit(test))
        }
        let other = try await put("b", "keep;", ann, test)
        try await store.activateScript(named: "b", of: ann.id, audit: audit(test))
        #expect(try await mark(ann, test) == other.version)
        #expect(try await mark(bob, test) == nil)
        try await store.removeScript(named: "Élève 1", of: ann.id, audit: audit(test))
        try await store.activateScript(named: nil, of: ann.id, audit: audit(test))
        #expect(try await mark(ann, test) == nil)
        await #expect(throws: StoreError.notFound) {
            try await store.activateScript(named: nil, of: ann.id, audit: audit(test))
        }
        await #expect(throws: StoreError.notFound) {
            try await store.activateScript(named: "b", of: bob.id, audit: audit(test))
        }
        #expect(try await store.script(named: "b", of: bob.id) == nil)
        let line = try await store.auditTrail(AuditFilter(), before: nil, limit: 9).first {
            $0.event.detail.utf8.starts(with: #"{"script":"b","octets""#.utf8)
        }
        #expect(line?.event.detail == #"{"script":"b","octets":{"before":null,"after":"5"}}"#)
        #expect(line?.organisation == ann.organisation)
    }

    @Test(arguments: StoreFactory.all)
    func `two at once do not pass the limit`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let made = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<6 {
                group.addTask { (try? await put("\(number)", "keep;", ann, test)) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(made == 2)
        var listing = ScriptListing(account: ann.id, limit: 1)
        let first = try await test.store.scripts(listing)
        listing.after = first.last?.place(by: .name)
        #expect(first.count == 1)
        #expect(try await test.store.scripts(listing).count == 1)
    }

    @Test(arguments: StoreFactory.all)
    func `what a script remembers ends, and is renewed when asked`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let store = test.store
        let mark = ScriptMark(handle: "a", id: "bc")
        func remember(_ seconds: Int64, _ isRenewed: Bool = false) async throws {
            let now = test.clock.now()
            let end = now.adding(seconds: seconds)
            try await store.rememberScriptMark(mark, of: ann.id, until: end, isRenewed: isRenewed, now: now)
        }
        func isKnown() async throws -> Bool {
            let others = [ScriptMark(handle: "ab", id: "c"), ScriptMark(handle: "", id: "abc")]
            let known = try await store.scriptMarks([mark] + others, of: ann.id, at: test.clock.now())
            #expect(known.isSubset(of: [mark]))
            return known.contains(mark)
        }
        #expect(try await !isKnown())
        try await remember(10)
        #expect(try await isKnown())
        #expect(try await store.scriptMarks([mark], of: bob.id, at: test.clock.now()).isEmpty)
        test.clock.advance(seconds: 9)
        try await remember(10)
        test.clock.advance(seconds: 1)
        #expect(try await !isKnown())
        try await remember(10)
        test.clock.advance(seconds: 9)
        try await remember(10, true)
        test.clock.advance(seconds: 5)
        #expect(try await isKnown())
        #expect(try await store.forgetScriptMarks(before: test.clock.now(), limit: 9) == 0)
        #expect(try await store.forgetScriptMarks(before: test.clock.now().adding(seconds: 60), limit: 9) == 1)
    }

    @Test(arguments: StoreFactory.all)
    func `of a script that fails one is told once a day`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        try await put("main", "keep;", ann, test)
        func tell() async throws -> Bool {
            let copy = LocalCopy(account: ann.id, recipient: ann.primaryAddress)
            let plan = DeliveryPlan.example(Octets.text(50), at: test.clock.now(), to: [copy])
            return try await store.tellOfScriptFault(plan, script: "main", of: ann.id)
        }
        #expect(try await tell())
        test.clock.advance(seconds: 86_399)
        #expect(try await !tell())
        test.clock.advance(seconds: 1)
        #expect(try await tell())
        #expect(try await test.mailbox("INBOX", of: ann).messages == 2)
        // Another text may fail anew.
        try await put("main", "stop;", ann, test)
        #expect(try await tell())
    }

    // MARK: - Stored mail

    @Test(arguments: StoreFactory.all)
    func `stored mail is filed in one transaction, counted and heard of`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        let inbox = try await test.mailbox("INBOX", of: ann).id
        let (archive, trash) = (
            try await test.mailbox("Archive", of: ann).id, try await test.mailbox("Trash", of: ann).id
        )
        let uids = try await test.append([10, 20, 30, 40], to: inbox, of: ann, flags: [.seen])
        let before = try await store.account(ann.id)?.usedBytes
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        let marks = Filing.Marks(flags: [.flagged], keywords: Keywords(["$Label"]))
        let there = try await store.file(
            [
                Filing(uid: uids[0], stays: false, places: [.init(mailbox: archive, marks: marks)]),
                Filing(uid: uids[1], stays: true, places: [.init(mailbox: archive)]),
                Filing(uid: uids[2], stays: false, places: [.init(mailbox: trash), .init(mailbox: archive)]),
                Filing(uid: uids[3], stays: true, marks: marks),
                Filing(uid: UID(99), stays: false, places: [.init(mailbox: trash)]),
            ],
            in: inbox,
            of: ann.id,
            audit: audit(test, "sieve.run")
        )
        #expect(there == uids)
        let left = try await store.entries(in: inbox, of: ann.id).changed
        #expect(left.map(\.uid) == [uids[1], uids[3]])
        #expect(left[1].flags == [.seen, .flagged] && left[1].keywords.names == ["$Label"])
        #expect(left[0].flags == [.seen])
        let filed = try await store.entries(in: archive, of: ann.id).changed
        #expect(filed.map(\.size).sorted() == [10, 20, 30])
        #expect(filed.filter { $0.flags == [.seen, .flagged] }.map(\.size) == [10])
        #expect(try await store.entries(in: trash, of: ann.id).changed.map(\.size) == [30])
        // Two copies more: 20 and 30 octets.
        #expect(try await store.account(ann.id)?.usedBytes == (before ?? 0) + 50)
        #expect(Set(heard.changes.compactMap(\.mailbox)) == [inbox, archive, trash])
        #expect(try await store.auditTrail(AuditFilter(), before: nil, limit: 1).first?.event.action == "sieve.run")
        listener.cancel()
        for mailbox in [inbox, archive, trash] { try await test.requireCounted(mailbox, of: ann) }
    }

    @Test(arguments: StoreFactory.all)
    func `without room nothing of a portion is done`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test", quota: 100), test.store)
        let inbox = try await test.mailbox("INBOX", of: ann).id
        let archive = try await test.mailbox("Archive", of: ann).id
        let uids = try await test.append([60, 10], to: inbox, of: ann)
        await #expect(throws: StoreError.overQuota) {
            try await store.file(
                [
                    Filing(uid: uids[1], stays: false, places: [.init(mailbox: archive)]),
                    Filing(uid: uids[0], stays: true, places: [.init(mailbox: archive)]),
                ],
                in: inbox,
                of: ann.id,
                audit: audit(test, "sieve.run")
            )
        }
        #expect(try await store.entries(in: inbox, of: ann.id).changed.count == 2)
        #expect(try await store.entries(in: archive, of: ann.id).changed.isEmpty)
    }

    @Test(arguments: StoreFactory.all)
    func `messages are found by time and flag, behind a place`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        let inbox = try await test.mailbox("INBOX", of: ann).id
        let start = test.clock.now()
        let old = try await test.append([1, 2], to: inbox, of: ann)
        test.clock.advance(seconds: 60)
        let new = try await test.append([3], to: inbox, of: ann)
        let seen = try await test.append([4], to: inbox, of: ann, flags: [.seen])
        func found(_ change: (inout FilingSearch) -> Void) async throws -> [UID] {
            var search = FilingSearch(limit: 9)
            change(&search)
            return try await store.messages(search, in: inbox, of: ann.id).map(\.uid)
        }
        #expect(try await found { _ in } == old + new + seen)
        #expect(try await found { $0.limit = 2 } == old)
        #expect(try await found { $0.after = old[1] } == new + seen)
        #expect(try await found { $0.isUnseen = true } == old + new)
        #expect(try await found { $0.since = start.adding(seconds: 60) } == new + seen)
        #expect(try await found { $0.before = start.adding(seconds: 60) } == old)
    }

    @Test(arguments: StoreFactory.all)
    func `a copy goes into the mailbox that a script names, or the inbox when that is gone`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let archive = try await test.mailbox("Archive", of: ann).id
        let copies = [archive, MailboxID(999)].map {
            LocalCopy(account: ann.id, recipient: ann.primaryAddress, mailbox: .mailbox($0), flags: [.seen])
        }
        _ = try await test.store.deliver(.example(Octets.text(20), at: test.clock.now(), to: copies))
        #expect(try await test.store.entries(in: archive, of: ann.id).changed.map(\.flags) == [[.seen]])
        #expect(try await test.mailbox("INBOX", of: ann).messages == 1)
    }
}
