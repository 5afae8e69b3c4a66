import MailModel
import MailPorts
import Testing

/// The lists of organisations and of those who are to come, as `ListWalkConformance` walks those of addresses.
@Suite struct OrganisationWalkConformance {
    private func event(_ test: StoreUnderTest) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: "list", subject: "shop.test")
    }

    private func token(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number), count: 32) }
    private func later(_ test: StoreUnderTest, _ seconds: Int64) -> Timestamp {
        test.clock.now().adding(seconds: seconds)
    }

    @Test(arguments: StoreFactory.all) func invitations(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, eve) = (try await test.account("ann@shop.test"), try await test.account("eve@mill.test"))
        for number in 0..<20 {
            if number % 3 == 0 { test.clock.advance(seconds: 1) }
            let owner = number % 10 == 9 ? eve : ann
            _ = try await test.store.addInvitation(
                Invitation(
                    id: InvitationID(0),
                    organisation: owner.organisation,
                    address: .sample("I\(number * 7 % 20)@\(owner.primaryAddress.domain)"),
                    contact: number % 4 == 0 ? nil : .sample("C\(number)@away.test"),
                    displayName: "Name \(number % 6)",
                    role: number % 3 == 0 ? .admin : .member,
                    invitedBy: "ann@shop.test",
                    createdAt: test.clock.now(),
                    expiresAt: later(test, Int64(1_000 - number % 5))
                ),
                tokenHash: token(number),
                atMost: 99,
                audit: event(test)
            )
        }
        func found(_ count: Int, _ change: (inout InvitationListing) -> Void) async throws {
            var listing = InvitationListing(organisation: ann.organisation, limit: 1)
            change(&listing)
            try await walk(
                listing,
                count: count,
                name: { "\($0.id)" },
                fetch: { page in try await test.store.invitations(page, now: test.clock.now()) }
            )
        }
        try await found(18) { _ in }
        try await found(6) { $0.role = .admin }
        try await found(12) { $0.role = .member }
        try await found(1) { $0.text = "c11@" }
        try await found(3) { $0.text = "name 4" }
        try await found(0) { $0.text = "%" }
        test.clock.advance(seconds: 10_000)
        try await found(0) { _ in }
    }

    @Test(arguments: StoreFactory.all) func signUpsAndRegistrations(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        try await test.account("eve@mill.test")
        for number in 0..<16 {
            if number % 3 == 0 { test.clock.advance(seconds: 1) }
            let now = test.clock.now()
            try await store.addSignUp(
                SignUp(
                    id: SignUpID(rawValue: 0),
                    organisation: "Shop \(number % 4)",
                    email: .sample("\(number % 2 == 0 ? "S" : "s")\(number * 5 % 16)@away.test"),
                    displayName: "Name \(number)",
                    state: .unverified,
                    createdAt: now,
                    expiresAt: later(test, 100),
                    remote: nil
                ),
                passwordHash: "hash",
                tokenHash: token(number),
                atMost: 99,
                audit: event(test)
            )
            let domain = number % 4 == 0 ? "mill.test" : "shop.test"
            var policy = DomainPolicy()
            policy.registration = .approval
            _ = try await store.setPolicy(policy, ofDomain: domain, replacing: nil, audit: event(test))
            try await store.addRegistration(
                Registration(
                    id: RegistrationID(0),
                    address: .sample("R\(number * 5 % 16)@\(domain)"),
                    contact: .sample("C\(number)@away.test"),
                    displayName: "Name \(number % 3)",
                    state: .unverified,
                    createdAt: now,
                    expiresAt: later(test, 100),
                    remote: nil
                ),
                tokenHash: token(number),
                atMost: 99,
                audit: event(test)
            )
            // The last of each is not proved, and is not there.
            guard number < 15 else { continue }
            _ = try await store.verifySignUp(
                byToken: token(number),
                decideBy: later(test, 1_000),
                now: now,
                audit: event(test)
            )
            _ = try await store.verifyRegistration(
                byToken: token(number),
                making: RegisteredAccount(passwordHash: "hash", quotaBytes: nil),
                decideBy: later(test, 1_000),
                now: now,
                audit: event(test)
            )
        }
        for (count, text) in [(15, nil), (4, "SHOP 1"), (1, "name 14"), (1, "S6@"), (0, "_")] as [(Int, String?)] {
            var listing = SignUpListing(limit: 1)
            listing.text = text
            try await walk(
                listing,
                count: count,
                name: { "\($0.id)" },
                fetch: { page in try await store.waitingSignUps(page, now: test.clock.now()) }
            )
        }
        func registered(_ count: Int, _ change: (inout RegistrationListing) -> Void) async throws {
            var listing = RegistrationListing(limit: 1)
            change(&listing)
            try await walk(
                listing,
                count: count,
                name: { "\($0.id)" },
                fetch: { page in try await store.waitingRegistrations(page, now: test.clock.now()) }
            )
        }
        try await registered(15) { _ in }
        try await registered(11) { $0.organisation = ann.organisation }
        try await registered(4) { $0.domain = "mill.test" }
        try await registered(0) { ($0.organisation, $0.domain) = (ann.organisation, "mill.test") }
        try await registered(5) { $0.text = "NAME 2" }
        try await registered(1) { $0.text = "r6@" }
    }

    @Test(arguments: StoreFactory.all) func deliveries(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        _ = try await store.setWebhook(
            "https://hook.test/",
            of: ann.organisation,
            sealedSecret: [1],
            replacing: nil,
            audit: event(test)
        )
        for number in 0..<20 {
            if number % 3 == 0 { test.clock.advance(seconds: 1) }
            let now = later(test, Int64(number) * 1_000)
            _ = try await store.noteCheck(
                DomainCheckRecord(
                    name: "shop.test",
                    since: now,
                    lastSeen: now,
                    status: "s\(number)",
                    fingerprint: "\(number)"
                ),
                isCertain: true,
                next: now,
                keeping: 100,
                telling: WebhookEvent(
                    id: "evt_\(number)",
                    kind: number % 2 == 0 ? "even" : "odd",
                    giveUpSeconds: 60,
                    waiting: 99,
                    body: { _, _ in "" }
                )
            )
        }
        for number in 0..<8 {
            let (now, end) = (test.clock.now(), later(test, 30))
            let lease = try await store.leaseWebhookDeliveries(now: now, until: end, token: "t", limit: 1)
            try await store.finishWebhookDelivery(
                try #require(lease.first),
                number % 4 == 0 ? .failed(status: 500, fault: "status") : .delivered(status: 200),
                now: now,
                keeping: 99
            )
            if number % 3 == 0 { test.clock.advance(seconds: 1) }
        }
        func found(_ count: Int, _ change: (inout DeliveryListing) -> Void) async throws {
            var listing = DeliveryListing(organisation: ann.organisation, limit: 1)
            change(&listing)
            try await walk(
                listing,
                count: count,
                name: { "\($0.id)" },
                fetch: { page in try await store.webhookDeliveries(page) }
            )
        }
        // The first state of a domain is no change.
        try await found(19) { _ in }
        try await found(11) { $0.state = .waiting }
        try await found(2) { $0.state = .failed }
        try await found(6) { $0.state = .delivered }
        try await found(9) { $0.kind = "even" }
        try await found(1) { $0.event = "evt_7" }
        try await found(0) { $0.organisation = OrganisationID(999) }
    }

    @Test(arguments: StoreFactory.all) func certificates(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        for number in 0..<5 { try await test.account("ann@d\(number).test") }
        let places = [993, 443, 0, 10_025].map { CertificatePlace(host: "mail.host.test", port: $0) }
        try await store.arrangeCertificates(
            CertificateArrangement(places: places, labels: ["autoconfig", "mta-sts"], port: 443)
        )
        let all = try await store.certificates(CertificateListing(limit: 99))
        for (number, one) in all.enumerated() where number % 3 != 0 {
            let at = later(test, Int64(number % 4))
            try await store.noteCertificate(
                CertificateSight(
                    at: at,
                    status: number % 2 == 0 ? .ok : .untrusted,
                    notAfter: number % 5 == 0 ? nil : at.adding(seconds: Int64(number % 3) * 86_400),
                    subject: number % 5 == 0 ? "" : "/CN=S\(number)",
                    issuer: number % 5 == 0 ? "" : "/CN=Issuer \(number % 2)"
                ),
                at: one.place,
                next: at
            )
        }
        func found(_ count: Int, _ change: (inout CertificateListing) -> Void) async throws {
            var listing = CertificateListing(limit: 1)
            change(&listing)
            try await walk(
                listing,
                count: count,
                name: { $0.place.description },
                fetch: { page in try await store.certificates(page) }
            )
        }
        try await found(16) { _ in }
        try await found(2) { $0.organisation = ann.organisation }
        try await found(2) { $0.domain = "d3.test" }
        try await found(4) { $0.host = "mail.host.test" }
        try await found(all.indices.count { $0 % 3 != 0 && $0 % 2 == 1 }) { $0.status = .untrusted }
        try await found(6) { $0.text = "MTA-STS" }
        try await found(all.indices.count { $0 % 3 != 0 && $0 % 2 == 1 && $0 % 5 != 0 }) { $0.text = "issuer 1" }
    }

    @Test(arguments: StoreFactory.all) func linksGrantsAndSharedAccounts(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let owner = try await test.account("owner@shop.test")
        let connection = try await store.setConnection(
            ProviderConnection(
                domain: "shop.test",
                issuer: "https://id.test",
                clientID: "c",
                sealedSecret: [1],
                setBy: .owner
            ),
            replacing: nil,
            audit: event(test)
        )
        for number in 0..<12 {
            if number % 3 == 0 { test.clock.advance(seconds: 1) }
            let account = try await test.account("p\(number * 5 % 12)@shop.test")
            let identity = ProviderIdentity(
                issuer: connection.issuer,
                subject: "Sub\(number)",
                address: account.primaryAddress
            )
            _ = try await store.signIn(identity, by: connection, making: nil, audit: event(test))
            _ = try await store.addSendingGrant(
                number % 4 == 0 ? .sendAs : .sendOnBehalf,
                of: owner.primaryAddress,
                owner: owner.id,
                to: account.id,
                atMost: 99,
                audit: event(test)
            )
            let team = NewAccount(
                organisation: owner.organisation,
                address: .sample("t\(number * 5 % 12)@shop.test"),
                displayName: "Team \(number % 3)",
                passwordHash: ""
            )
            _ = try await store.addTeamAccount(team, audit: event(test))
        }
        for (count, text) in [(12, nil), (1, "sub11"), (1, "P11@"), (0, "%")] as [(Int, String?)] {
            var listing = LinkListing(domain: "SHOP.test", limit: 1)
            listing.text = text
            try await walk(
                listing,
                count: count,
                name: { $0.subject },
                fetch: { page in try await store.links(page) }
            )
        }
        func granted(_ count: Int, _ subject: SendingGrantSubject, _ change: (inout GrantListing) -> Void) async throws
        {
            var listing = GrantListing(subject, limit: 1)
            change(&listing)
            try await walk(
                listing,
                count: count,
                name: { "\($0.id)" },
                fetch: { page in try await store.sendingGrants(page) }
            )
        }
        for subject in [.within(nil), .within(owner.organisation), .givenBy(owner.id)] as [SendingGrantSubject] {
            try await granted(12, subject) { _ in }
            try await granted(3, subject) { $0.kind = .sendAs }
            try await granted(3, subject) { $0.grantee = "p1" }
            try await granted(12, subject) { $0.address = "owner@" }
            try await granted(1, subject) { $0.text = "P7@" }
        }
        try await granted(0, .heldBy(owner.id)) { _ in }
        func teams(_ count: Int, _ change: (inout TeamListing) -> Void) async throws {
            var listing = TeamListing(organisation: owner.organisation, limit: 1)
            change(&listing)
            try await walk(
                listing,
                count: count,
                name: { "\($0.account)" },
                fetch: { page in try await store.teamAccounts(page) }
            )
        }
        try await teams(12) { _ in }
        try await teams(12) { $0.organisation = nil }
        try await teams(4) { $0.text = "team 2" }
        try await teams(12) { $0.status = .active }
        try await teams(0) { $0.status = .suspended }
    }

    @Test(arguments: StoreFactory.all) func programsPeopleAndDomains(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        for number in 0..<12 {
            if number % 3 == 0 { test.clock.advance(seconds: 1) }
            try await test.account("p\(number * 5 % 12)@shop.test")
            _ = try await store.addOrganisation(named: "Name \(number % 4)", audit: event(test))
            try await store.addOAuthClient(
                OAuthClient(
                    id: "id\(number * 5 % 12)",
                    organisation: number % 2 == 0 ? ann.organisation : nil,
                    name: "Program \(number % 3)",
                    secretHash: number % 4 == 0 ? nil : [1],
                    redirectURIs: [],
                    scopes: ["openid"],
                    createdAt: test.clock.now(),
                    createdBy: "cli"
                ),
                atMost: 99,
                audit: event(test)
            )
        }
        func programs(_ count: Int, _ change: (inout ClientListing) -> Void) async throws {
            var listing = ClientListing(limit: 1)
            change(&listing)
            try await walk(
                listing,
                count: count,
                name: { $0.id },
                fetch: { page in try await store.oauthClients(page) }
            )
        }
        try await programs(12) { _ in }
        try await programs(6) { $0.organisation = ann.organisation }
        try await programs(3) { $0.isPublic = true }
        try await programs(9) { $0.isPublic = false }
        try await programs(4) { $0.text = "PROGRAM 1" }
        try await programs(1) { $0.text = "id10" }
        try await walk(
            AccountListing(domain: "shop.test", limit: 1),
            count: 13,
            name: { "\($0.id)" },
            fetch: { page in try await store.accounts(page) }
        )
        try await walk(
            PeopleListing(organisation: ann.organisation, limit: 1),
            count: 13,
            name: { "\($0.account.id)" },
            fetch: { page in try await store.people(page) }
        )
        try await walk(
            DomainListing(organisation: nil, limit: 1),
            count: 1,
            name: { $0.name },
            fetch: { page in try await store.domains(page) }
        )
        for (count, text) in [(13, nil), (3, "name 3"), (0, "_")] as [(Int, String?)] {
            var listing = OrganisationListing(limit: 1)
            listing.text = text
            try await walk(
                listing,
                count: count,
                name: { "\($0.id)" },
                fetch: { page in try await store.organisations(page) }
            )
        }
    }
}
