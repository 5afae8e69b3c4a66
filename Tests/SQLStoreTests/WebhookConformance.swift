import MailModel
import MailPorts
import Testing

@Suite("Port: WebhookStore") struct WebhookConformance {
    private func audit(_ test: StoreUnderTest, _ action: String = "webhook.set") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "ann@shop.test", action: action, subject: "organisation 1")
    }

    /// A webhook of the organisation that has shop.test.
    private func hooked(_ test: StoreUnderTest, domain: String = "shop.test") async throws -> OrganisationID {
        let account = try await test.account("ann@\(domain)")
        _ = try await test.store.setWebhook(
            "https://hook.\(domain)/",
            of: account.organisation,
            sealedSecret: [1],
            replacing: nil,
            audit: audit(test)
        )
        return account.organisation
    }

    /// A change of the domain's DNS that the webhook is told of.
    private func change(
        _ number: Int,
        _ test: StoreUnderTest,
        domain: String = "shop.test",
        isCertain: Bool = true,
        waiting: Int = 9
    ) async throws {
        test.clock.advance(seconds: 1)
        let now = test.clock.now()
        _ = try await test.store.noteCheck(
            DomainCheckRecord(name: domain, since: now, lastSeen: now, status: "s\(number)", fingerprint: "f\(number)"),
            isCertain: isCertain,
            next: now,
            keeping: 100,
            telling: WebhookEvent(
                id: "evt_\(number)",
                kind: "domain.dns_changed",
                giveUpSeconds: 60,
                waiting: waiting,
                body: { "\($0) was \($1.status)" }
            )
        )
    }

    private func lease(_ test: StoreUnderTest, _ token: String, limit: Int = 9) async throws -> [WebhookLease] {
        let now = test.clock.now()
        return try await test.store.leaseWebhookDeliveries(
            now: now,
            until: now.adding(seconds: 30),
            token: token,
            limit: limit
        )
    }

    private func finish(
        _ lease: WebhookLease,
        _ outcome: WebhookOutcome,
        _ test: StoreUnderTest,
        keeping: Int = 9
    ) async throws {
        try await test.store.finishWebhookDelivery(lease, outcome, now: test.clock.now(), keeping: keeping)
    }

    @Test(arguments: StoreFactory.all)
    func `a webhook keeps its secret when its address changes, and the one before while it is rotated`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let store = test.store
        let organisation = try await hooked(test)
        let first = try #require(try await store.webhook(of: organisation))
        #expect(first.version == 1 && first.sealedSecret == [1] && first.sealedPrevious == nil)
        await #expect(throws: StoreError.alreadyExists) {
            _ = try await store.setWebhook(
                "https://x.test/",
                of: organisation,
                sealedSecret: [2],
                replacing: 0,
                audit: audit(test)
            )
        }
        let moved = try await store.setWebhook(
            "https://x.test/",
            of: organisation,
            sealedSecret: [2],
            replacing: 1,
            audit: audit(test)
        )
        #expect(!moved.isNew && moved.webhook.sealedSecret == [1] && moved.webhook.address == "https://x.test/")
        let until = test.clock.now().adding(seconds: 50)
        let rotated = try await store.rotateWebhookSecret(
            of: organisation,
            to: [3],
            keepingUntil: until,
            audit: audit(test, "webhook.rotate")
        )
        #expect(rotated.sealedSecret == [3] && rotated.sealedPrevious == [1] && rotated.previousUntil == until)
        let lines = try await store.auditTrail(AuditFilter(), before: nil, limit: 3)
        #expect(lines.map(\.event.action) == ["webhook.rotate", "webhook.set", "webhook.set"])
        #expect(lines.allSatisfy { $0.organisation == organisation })
        #expect(lines[1].event.detail == #"{"address":{"before":"https://hook.shop.test/","after":"https://x.test/"}}"#)
        // The ring of keys finds both.
        let columns = try await store.sealedColumns().map(\.name)
        #expect(columns.contains("webhooks.sealed_secret") && columns.contains("webhooks.sealed_previous"))
        try await store.removeWebhook(of: organisation, audit: audit(test, "webhook.remove"))
        #expect(try await store.webhook(of: organisation) == nil)
        await #expect(throws: StoreError.notFound) {
            try await store.removeWebhook(of: organisation, audit: audit(test))
        }
        await #expect(throws: StoreError.notFound) {
            _ = try await store.setWebhook(
                "https://x.test/",
                of: OrganisationID(99),
                sealedSecret: [2],
                replacing: nil,
                audit: audit(test)
            )
        }
    }

    @Test(arguments: StoreFactory.all)
    func `events come with the changes they tell of, of organisations that want them`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let store = test.store
        let organisation = try await hooked(test)
        try await test.account("bob@other.test")
        try await change(1, test)
        try await change(1, test)
        #expect(try await store.webhookDeliveries(DeliveryListing(organisation: organisation, limit: 9)).isEmpty)
        try await change(2, test)
        try await change(2, test)
        try await change(3, test, isCertain: false)
        try await change(7, test, domain: "other.test")
        try await change(8, test, domain: "other.test")
        let found = try await store.webhookDeliveries(DeliveryListing(organisation: organisation, limit: 9))
        #expect(found.map(\.event) == ["evt_2"] && found.first?.body == "\(organisation) was s1")
        #expect(found.first?.state == .waiting && found.first?.attempts == 0)
        #expect(try await store.waitingWebhookDeliveries() == 1)
        // No more than wait at once.
        try await change(3, test, waiting: 1)
        #expect(try await store.waitingWebhookDeliveries() == 1)
        try await store.removeWebhook(of: organisation, audit: audit(test))
        #expect(try await store.waitingWebhookDeliveries() == 0)
    }

    @Test(arguments: StoreFactory.all)
    func `an event is sent by one at a time, and by another when that one dies`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let organisation = try await hooked(test)
        let other = try await hooked(test, domain: "other.test")
        for number in 1...4 { try await change(number, test) }
        for number in 1...2 { try await change(number, test, domain: "other.test") }
        // The oldest of each organisation.
        let first = try await lease(test, "a")
        #expect(
            Set(first.map { "\($0.delivery.organisation) \($0.delivery.event)" }) == [
                "\(organisation) evt_2", "\(other) evt_2",
            ]
        )
        #expect(first.allSatisfy { $0.delivery.attempts == 1 && $0.webhook.organisation == $0.delivery.organisation })
        let second = try await lease(test, "b")
        #expect(second.map(\.delivery.event) == ["evt_3"])
        test.clock.advance(seconds: 31)
        let taken = try #require(try await lease(test, "c").first { $0.delivery.organisation == organisation })
        #expect(taken.delivery.event == "evt_2" && taken.delivery.attempts == 2)
        // Whoever had it before notes nothing any more.
        let lost = try #require(first.first { $0.delivery.organisation == organisation })
        try await finish(lost, .delivered(status: 200), test)
        let waiting = try await store.webhookDeliveries(DeliveryListing(organisation: organisation, limit: 9)).last
        #expect(waiting?.state == .waiting)
        let later = test.clock.now().adding(seconds: 10)
        try await finish(taken, .retry(at: later, status: 500, fault: "status"), test)
        let retried = try await store.webhookDeliveries(DeliveryListing(organisation: organisation, limit: 9)).last
        #expect(retried?.nextAt == later && retried?.status == 500 && retried?.fault == "status")
        test.clock.advance(seconds: 10)
        let again = try #require(
            try await lease(test, "d").first {
                $0.delivery.event == "evt_2" && $0.delivery.organisation == organisation
            }
        )
        try await finish(again, .delivered(status: 204), test)
        let done = try await store.webhookDeliveries(DeliveryListing(organisation: organisation, limit: 9)).last
        #expect(done?.state == .delivered && done?.status == 204 && done?.fault == nil && done?.nextAt == nil)
        #expect(done?.finishedAt == test.clock.now() && done?.attempts == 3)
    }

    @Test(arguments: StoreFactory.all)
    func `two that ask at once do not get the same event`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        _ = try await hooked(test)
        for number in 1...2 { try await change(number, test) }
        let both = try await withThrowingTaskGroup(of: Int.self) { group in
            for token in ["a", "b", "c", "d"] { group.addTask { try await lease(test, token).count } }
            return try await group.reduce(0, +)
        }
        #expect(both == 1)
    }

    @Test(arguments: StoreFactory.all)
    func `of what is over the newest stay`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let organisation = try await hooked(test)
        for number in 1...6 { try await change(number, test) }
        for _ in 2...5 {
            let lease = try #require(try await lease(test, "a", limit: 1).first)
            try await finish(lease, .failed(status: nil, fault: "unreachable"), test, keeping: 2)
        }
        let found = try await store.webhookDeliveries(DeliveryListing(organisation: organisation, limit: 9))
        #expect(found.map(\.event) == ["evt_6", "evt_5", "evt_4"])
        #expect(found.map(\.state) == [.waiting, .failed, .failed])
        var rest = DeliveryListing(organisation: organisation, limit: 9)
        rest.after = found[1].place(by: .createdAt)
        #expect(try await store.webhookDeliveries(rest).count == 1)
    }
}
