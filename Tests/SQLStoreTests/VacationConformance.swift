import MailModel
import MailPorts
import NIOCore
import Testing

/// Who is away and whom they have answered, on every engine.
@Suite("Port: VacationStore") struct VacationConformance {
    private static let friend = EmailAddress(uncheckedLocalPart: "Friend", domain: "elsewhere.test")

    private func audit(_ test: StoreUnderTest) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "op", action: "account.vacation", subject: "ann@shop.test")
    }

    private func answer(_ account: AccountID, _ sender: EmailAddress, _ test: StoreUnderTest) -> VacationAnswer {
        let now = test.clock.now()
        let bytes = Array("Subject: Away\r\n\r\nx\r\n".utf8)
        let plan = DeliveryPlan(
            queueID: QueueID(time: now, random: .random(in: 0 ... .max)),
            receivedAt: now,
            sender: .null,
            bytes: .memory(ByteBuffer(bytes: bytes)),
            summary: MessageSummary(headerSize: 17),
            remote: [RemoteRecipient(address: sender)],
            expiresAt: now.adding(seconds: 60)
        )
        return VacationAnswer(account: account, sender: sender, plan: plan)
    }

    private func isDue(_ account: AccountID, _ test: StoreUnderTest) async throws -> Bool {
        let now = test.clock.now()
        return try await !test.store.vacationsDue(among: [account], to: Self.friend, at: now).isEmpty
    }

    @Test(arguments: StoreFactory.all)
    func `the row of the address tells whether an answer is switched on`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        var vacation = Vacation(isEnabled: true, startsAt: test.clock.now().adding(seconds: 3_600), text: "x")
        #expect(try await !test.store.resolve(ann.primaryAddress).isAway)
        try await test.store.setVacation(vacation, of: ann.id, upTo: .owner, audit: audit(test))
        #expect(try await test.store.resolve(ann.primaryAddress).isAway)
        #expect(try await !test.store.resolve(bob.primaryAddress).isAway)
        vacation.isEnabled = false
        try await test.store.setVacation(vacation, of: ann.id, upTo: .owner, audit: audit(test))
        #expect(try await !test.store.resolve(ann.primaryAddress).isAway)
    }

    @Test(arguments: StoreFactory.all)
    func `what was set is read, and a change is answered anew`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        #expect(try await store.vacation(of: ann.id) == nil)
        await #expect(throws: StoreError.notFound) {
            try await store.setVacation(nil, of: ann.id, upTo: .owner, audit: audit(test))
        }
        await #expect(throws: StoreError.notFound) {
            try await store.setVacation(Vacation(), of: AccountID(999), upTo: .owner, audit: audit(test))
        }
        var vacation = Vacation(
            isEnabled: true,
            startsAt: test.clock.now(),
            endsAt: test.clock.now().adding(seconds: 864_000),
            subject: "Ä'way",
            text: "line\nline\n",
            intervalDays: 2,
            audience: .everyone
        )
        try await store.setVacation(vacation, of: ann.id, upTo: .owner, audit: audit(test))
        #expect(try await store.vacation(of: ann.id) == vacation)
        #expect(try await store.answer(answer(ann.id, Self.friend, test), atMost: 9))
        #expect(try await !isDue(ann.id, test))
        // The same again is no change.
        try await store.setVacation(vacation, of: ann.id, upTo: .owner, audit: audit(test))
        #expect(try await !isDue(ann.id, test))
        vacation.text = "other"
        try await store.setVacation(vacation, of: ann.id, upTo: .owner, audit: audit(test))
        #expect(try await isDue(ann.id, test))
        let line = try await store.auditTrail(AuditFilter(), before: nil, limit: 1).first?.event.detail
        #expect(line == #"{"text_octets":{"before":"10","after":"5"},"text":"changed"}"#)
        try await store.setVacation(nil, of: ann.id, upTo: .owner, audit: audit(test))
        #expect(try await !isDue(ann.id, test))
    }

    @Test(arguments: StoreFactory.all)
    func `a sender has one answer in the interval, whoever asks at once`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let store = test.store
        let vacation = Vacation(isEnabled: true, text: "x", intervalDays: 2)
        try await store.setVacation(vacation, of: ann.id, upTo: .owner, audit: audit(test))
        let due = try await store.vacationsDue(
            among: [bob.id, ann.id] + (100..<300).map { AccountID($0) },
            to: Self.friend,
            at: test.clock.now()
        )
        #expect(due.map(\.account.id) == [ann.id] && due.first?.vacation == vacation)
        let written = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                let answer = answer(ann.id, Self.friend, test)
                group.addTask { try await store.answer(answer, atMost: 9) }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(written == 1)
        #expect(try await store.entries(after: nil, limit: 99).count == 1)
        test.clock.advance(seconds: 2 * 86_400 - 1)
        #expect(try await !isDue(ann.id, test))
        #expect(try await !store.answer(answer(ann.id, Self.friend, test), atMost: 9))
        test.clock.advance(seconds: 1)
        #expect(try await isDue(ann.id, test))
        // In another spelling it is the same sender.
        let same = EmailAddress(uncheckedLocalPart: "fRIEND", domain: "elsewhere.test")
        #expect(try await store.answer(answer(ann.id, same, test), atMost: 9))
        #expect(try await !isDue(ann.id, test))
    }

    @Test(arguments: StoreFactory.all)
    func `answers of a day are counted, and forgotten in portions`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        try await store.setVacation(
            Vacation(isEnabled: true, text: "x", intervalDays: 31),
            of: ann.id,
            upTo: .owner,
            audit: audit(test)
        )
        func ask(_ name: String) async throws -> Bool {
            let sender = EmailAddress(uncheckedLocalPart: name, domain: "elsewhere.test")
            return try await store.answer(answer(ann.id, sender, test), atMost: 3)
        }
        for name in ["a", "b", "c"] { #expect(try await ask(name)) }
        #expect(try await !ask("d"))
        test.clock.advance(seconds: 86_400)
        #expect(try await ask("d"))
        let now = test.clock.now()
        #expect(try await store.forgetVacationAnswers(before: now, limit: 2) == 2)
        #expect(try await store.forgetVacationAnswers(before: now, limit: 2) == 1)
        #expect(try await store.forgetVacationAnswers(before: now, limit: 2) == 0)
    }

    @Test(arguments: StoreFactory.all)
    func `times and audiences decide`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store, now) = (try await test.account("ann@shop.test"), test.store, test.clock.now())
        let colleague = EmailAddress(uncheckedLocalPart: "bob", domain: "shop.test")
        func isDue(_ vacation: Vacation, _ sender: EmailAddress = Self.friend) async throws -> Bool {
            try await store.setVacation(vacation, of: ann.id, upTo: .owner, audit: audit(test))
            return try await !store.vacationsDue(among: [ann.id], to: sender, at: now).isEmpty
        }
        #expect(try await isDue(Vacation(isEnabled: true, startsAt: now, text: "x")))
        #expect(try await !isDue(Vacation(isEnabled: false, startsAt: now, text: "x")))
        #expect(try await !isDue(Vacation(isEnabled: true, startsAt: now.adding(seconds: 1), text: "x")))
        #expect(try await !isDue(Vacation(isEnabled: true, endsAt: now, text: "x")))
        #expect(try await isDue(Vacation(isEnabled: true, endsAt: now.adding(seconds: 1), text: "x")))
        #expect(try await !isDue(Vacation(isEnabled: true, text: "x", audience: .organisation)))
        #expect(try await isDue(Vacation(isEnabled: true, text: "x", audience: .organisation), colleague))
    }
}
