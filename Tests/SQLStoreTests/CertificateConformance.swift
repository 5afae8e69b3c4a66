import MailModel
import MailPorts
import Testing

@Suite struct CertificateConformance {
    private static let start = Timestamp(seconds: 1_800_000_000)
    private let own = CertificatePlace(host: "Mail.Host.test", port: 993)
    private let file = CertificatePlace(host: "mail.host.test", port: 0)

    private func arrangement(_ labels: [String] = ["autoconfig", "mta-sts"]) -> CertificateArrangement {
        CertificateArrangement(places: [own, file], labels: labels, port: 443)
    }

    private func sight(_ status: CertificateStatus, at seconds: Int64 = 0, days: Int64? = nil) -> CertificateSight {
        CertificateSight(
            at: Self.start.adding(seconds: seconds),
            status: status,
            notBefore: days.map { _ in Self.start },
            notAfter: days.map { Self.start.adding(seconds: $0 * 86_400) },
            subject: days == nil ? "" : "/CN=a",
            issuer: days == nil ? "" : "/CN=b",
            names: days == nil ? [] : ["a.test", "*.b.test"],
            keyHash: days == nil ? "" : "00ff",
            fault: status == .ok ? "" : "why"
        )
    }

    private func note(
        _ store: any EveryStorePort,
        _ host: String,
        port: UInt16 = 443,
        _ sight: CertificateSight
    ) async throws(StoreError) {
        try await store.noteCertificate(
            sight,
            at: CertificatePlace(host: host, port: port),
            next: sight.at.adding(seconds: 60)
        )
    }

    private func names(_ found: [WatchedCertificate]) -> [String] { found.map(\.place.description) }

    @Test(arguments: StoreFactory.all)
    func `names come with their domains and go with them`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        try await test.account("ann@shop.test")
        try await test.account("ann@other.test")
        try await store.arrangeCertificates(arrangement())
        let all = CertificateListing(limit: 99)
        let everything = [
            "autoconfig.other.test:443", "autoconfig.shop.test:443", "mail.host.test (file)", "mail.host.test:993",
            "mta-sts.other.test:443", "mta-sts.shop.test:443",
        ]
        #expect(names(try await store.certificates(all)) == everything)
        try await note(store, "autoconfig.shop.test", sight(.ok, days: 90))
        try await store.arrangeCertificates(arrangement())
        let known = try await store.certificates(CertificateListing(host: "AUTOCONFIG.shop.test", limit: 9))
        #expect(known.map(\.sight) == [sight(.ok, days: 90)] && known.map(\.domain) == ["shop.test"])
        let audit = AuditEvent(at: Self.start, actor: "cli", action: "domain.suspend", subject: "other.test")
        _ = try await store.take(.suspend(reason: "x"), on: "other.test", audit: audit)
        try await store.arrangeCertificates(arrangement(["autoconfig"]))
        #expect(
            names(try await store.certificates(all)) == [
                "autoconfig.shop.test:443", "mail.host.test (file)", "mail.host.test:993",
            ]
        )
        await #expect(throws: StoreError.notFound) { try await note(store, "mta-sts.shop.test", sight(.ok)) }
        try await store.arrangeCertificates(CertificateArrangement(places: [file], labels: [], port: 443))
        #expect(names(try await store.certificates(all)) == ["mail.host.test (file)"])
    }

    @Test(arguments: StoreFactory.all)
    func `lists are cut by tenant, state and place`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        try await store.arrangeCertificates(arrangement())
        let tenant = ann.organisation
        var listing = CertificateListing(organisation: tenant, limit: 1)
        #expect(names(try await store.certificates(listing)) == ["autoconfig.shop.test:443"])
        listing.after = ListPosition(key: .text("autoconfig.shop.test"), tie: 443)
        #expect(names(try await store.certificates(listing)) == ["mta-sts.shop.test:443"])
        listing.after = ListPosition(key: .text("mta-sts.shop.test"), tie: 443)
        #expect(try await store.certificates(listing).isEmpty)
        listing = CertificateListing(organisation: OrganisationID(tenant.rawValue + 99), limit: 9)
        #expect(try await store.certificates(listing).isEmpty)
        try await note(store, "mail.host.test", port: 993, sight(.untrusted, days: 5))
        listing = CertificateListing(status: .untrusted, limit: 9)
        #expect(names(try await store.certificates(listing)) == ["mail.host.test:993"])
        #expect(try await store.certificateCounts() == [.unknown: 3, .untrusted: 1])
    }

    @Test(arguments: StoreFactory.all)
    func `looks are due at their times, and silence keeps what was seen`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        try await store.arrangeCertificates(arrangement())
        #expect(try await store.certificatesToCheck(now: Self.start, limit: 9).count == 2)
        try await note(store, "mail.host.test", port: 993, sight(.ok, days: 90))
        #expect(names(try await store.certificatesToCheck(now: Self.start, limit: 9)) == ["mail.host.test (file)"])
        #expect(try await store.certificatesToCheck(now: Self.start.adding(seconds: 60), limit: 9).count == 2)
        try await note(store, "mail.host.test", port: 993, sight(.unreachable, at: 5))
        let silent = try #require(try await store.certificatesByEnd(limit: 9).first?.sight)
        #expect(silent.status == .unreachable && silent.fault == "why" && silent.names == ["a.test", "*.b.test"])
        #expect(silent.notAfter == Self.start.adding(seconds: 90 * 86_400))
        try await note(store, "mail.host.test", port: 993, sight(.absent, at: 6))
        #expect(try await store.certificatesByEnd(limit: 9).isEmpty)
    }

    @Test(arguments: StoreFactory.all)
    func `each step is told once, with its mail and its audit`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        try await store.arrangeCertificates(arrangement(["autoconfig"]))
        try await note(store, "autoconfig.shop.test", sight(.ok, days: 31))
        #expect(try await store.certificateNews(now: Self.start, limit: 9).isEmpty)
        for (day, isNews) in [(Int64(1), true), (2, false), (24, true), (30, false), (31, true), (40, false)] {
            let now = Self.start.adding(seconds: day * 86_400)
            let news = try await store.certificateNews(now: now, limit: 9)
            #expect(!news.isEmpty == isNews, "day \(day)")
            guard isNews else { continue }
            let mail = DeliveryPlan.example(
                Octets.text(100),
                at: now,
                to: [LocalCopy(account: ann.id, recipient: .sample("ann@shop.test"), prefix: [])]
            )
            let audit = news.map {
                AuditEvent(at: now, actor: "system", action: "certificate.warning", subject: $0.place.host)
            }
            #expect(try await store.tellCertificates(news, by: mail, audit: audit, now: now))
            // Another process comes too late, and leaves nothing.
            #expect(try await !store.tellCertificates(news, by: mail, audit: audit, now: now))
        }
        var filter = AuditFilter()
        filter.action = "certificate.warning"
        let trail = try await store.auditTrail(filter, before: nil, limit: 9)
        #expect(trail.count == 3 && trail.allSatisfy { $0.organisation != nil })
        #expect(try await store.account(ann.id)?.usedMessages == 3)
        try await note(store, "autoconfig.shop.test", sight(.ok, days: 45))
        #expect(try await store.certificateNews(now: Self.start.adding(seconds: 40 * 86_400), limit: 9).count == 1)
    }
}
