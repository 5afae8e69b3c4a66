import MailModel
import MailPorts
import NIOCore
import Testing

@Suite("Port: MailboxSharingStore") struct MailboxSharingConformance {
    private func event(_ test: StoreUnderTest) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: "mailbox.rights", subject: "ann@shop.test")
    }

    @discardableResult
    private func give(
        _ test: StoreUnderTest,
        _ letters: String,
        _ mode: RightsChange.Mode = .replace,
        to identifier: MailboxIdentifier,
        in mailbox: MailboxID = inbox,
        of owner: Account
    ) async throws -> MailboxRights {
        try await test.store.changeRights(
            RightsChange(mode, try #require(MailboxRights(letters: letters.utf8))),
            of: identifier,
            in: mailbox,
            of: owner.id,
            atMost: 2,
            audit: event(test)
        )
    }

    @Test(arguments: StoreFactory.all) func rightsAreGivenChangedAndTaken(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let other = try await test.account("cy@other.test")
        #expect(try await give(test, "lr", to: .account(bob.id), of: ann).description == "lr")
        #expect(try await give(test, "s", .add, to: .account(bob.id), of: ann).description == "lrs")
        #expect(try await give(test, "r", .remove, to: .account(bob.id), of: ann).description == "ls")
        #expect(try await give(test, "c", .add, to: .anyone, of: ann).description == "kx")
        let grants = try await test.store.grants(in: inbox, of: ann.id)
        #expect(grants.map(\.name) == ["anyone", "bob@shop.test"])
        #expect(grants.map(\.rights.description) == ["kx", "ls"])
        await #expect(throws: StoreError.refused("a mailbox is shared with at most 2")) {
            try await give(test, "l", to: .account(try await test.account("dee@shop.test").id), of: ann)
        }
        await #expect(throws: StoreError.refused("the owner has every right in its mailboxes")) {
            try await give(test, "l", to: .account(ann.id), of: ann)
        }
        await #expect(throws: StoreError.notFound) { try await give(test, "l", to: .account(other.id), of: ann) }
        await #expect(throws: StoreError.notFound) {
            try await give(test, "l", to: .account(bob.id), in: MailboxID(99), of: ann)
        }
        await #expect(throws: StoreError.notFound) { try await test.store.grants(in: MailboxID(99), of: ann.id) }
        try await give(test, "lrswipkxtea", .remove, to: .account(bob.id), of: ann)
        try await give(test, "", to: .anyone, of: ann)
        #expect(try await test.store.grants(in: inbox, of: ann.id) == [])
        let details = try await test.store.auditTrail(AuditFilter(), before: nil, limit: 20).map(\.event)
            .filter { $0.action == "mailbox.rights" }.map(\.detail)
        #expect(
            details.contains(
                "{\"mailbox\":\"INBOX\",\"identifier\":\"bob@shop.test\",\"rights\":{\"before\":\"lrs\",\"after\":\"ls\"}}"
            )
        )
    }

    @Test(arguments: StoreFactory.all) func whatIsSharedIsSeenByWhoMay(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let other = try await test.account("cy@other.test")
        try await test.deliver(Octets.text(100), to: [ann])
        try await give(test, "lr", to: .account(bob.id), of: ann)
        try await give(test, "s", to: .anyone, of: ann)
        let seen = try await test.store.sharedMailboxes(with: bob.id)
        #expect(seen.map(\.owner) == [ann.id] && seen.map(\.rights.description) == ["lrs"])
        #expect(seen.map(\.ownerAddress.description) == ["ann@shop.test"] && seen.map(\.isTeam) == [false])
        #expect(seen.map(\.record.messages) == [1])
        #expect(
            try await test.store.sharedMailbox(named: "inbox", ofOwner: ann.primaryAddress, with: bob.id) == seen.first
        )
        #expect(try await test.store.sharedMailbox(inbox, of: ann.id, with: bob.id) == seen.first)
        for account in [ann, other] {
            #expect(try await test.store.sharedMailboxes(with: account.id) == [])
            #expect(try await test.store.sharedMailbox(inbox, of: ann.id, with: account.id) == nil)
            #expect(
                try await test.store.sharedMailbox(named: "INBOX", ofOwner: ann.primaryAddress, with: account.id) == nil
            )
        }
        // While the owner is away they wait.
        try await test.store.setAccountStatus(ann.id, .suspended)
        #expect(try await test.store.sharedMailboxes(with: bob.id) == [])
        try await test.store.setAccountStatus(ann.id, .active)
        #expect(try await test.store.sharedMailboxes(with: bob.id) == seen)
    }

    @Test(arguments: StoreFactory.all) func mailboxesBelowBeginWithTheRightsAbove(_ factory: StoreFactory) async throws
    {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let top = try await test.store.create("Work", specialUse: nil, of: ann.id)
        try await give(test, "lri", to: .account(bob.id), in: top.id, of: ann)
        let below = try await test.store.create("Work/a/b", specialUse: nil, of: ann.id)
        let beside = try await test.store.create("Workshop", specialUse: nil, of: ann.id)
        #expect(try await test.store.grants(in: below.id, of: ann.id).map(\.rights.description) == ["lri"])
        #expect(try await test.store.grants(in: beside.id, of: ann.id) == [])
        // They are the mailbox's own from then on, and go with it.
        try await give(test, "", to: .account(bob.id), in: top.id, of: ann)
        try await test.store.rename("Work/a/b", to: "Elsewhere", of: ann.id)
        #expect(
            try await test.store.sharedMailboxes(with: bob.id).map(\.record.name).sorted() == ["Elsewhere", "Work/a"]
        )
        try await test.store.delete(below.id, of: ann.id)
        #expect(try await test.store.sharedMailboxes(with: bob.id).map(\.record.name) == ["Work/a"])
        try await test.store.resetAccount(ann.id)
        #expect(try await test.store.sharedMailboxes(with: bob.id) == [])
    }

    @Test(arguments: StoreFactory.all) func messagesGoFromOneAccountToAnother(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (
            try await test.account("ann@shop.test", quota: 500_000),
            try await test.account("bob@shop.test", quota: 400_000)
        )
        // One lies in the database, one among the large.
        let (small, large) = (Octets.text(300), Octets.noise(300_000))
        try await test.deliver(small, to: [ann], prefix: Array("Return-Path: <>\r\n".utf8))
        try await test.deliver(large, to: [ann])
        func transfer(_ keeps: FlagScope, isMove: Bool, most: Int = 10) async throws -> CopyReceipt {
            try await test.store.transfer(
                MessageTransfer(
                    .all,
                    from: inbox,
                    of: ann.id,
                    to: inbox,
                    of: bob.id,
                    keeps: keeps,
                    isMove: isMove,
                    mostAcross: most
                )
            )
        }
        _ = try await test.store.setFlags(
            .all,
            in: inbox,
            of: ann.id,
            change: FlagChange(mode: .add, flags: [.seen, .flagged], keywords: Keywords(["$A"])),
            unchangedSince: nil
        )
        await #expect(throws: StoreError.self) { try await transfer(.all, isMove: false, most: 1) }
        let receipt = try await transfer(FlagScope(flags: [.seen], hasKeywords: false), isMove: false)
        #expect(receipt.source == [UID(1), UID(2)] && receipt.destination == [UID(1), UID(2)])
        let copies = try await test.store.entries(in: inbox, of: bob.id).changed
        #expect(copies.map(\.flags) == [[.seen], [.seen]] && copies.allSatisfy { $0.keywords.isEmpty })
        let whole = try await test.store.read(copies[0].email, of: bob.id, range: 0..<1_000).octets
        #expect(whole == Array("Return-Path: <>\r\n".utf8) + small)
        // What is in the other account is read there only under its own numbers.
        await #expect(throws: StoreError.notFound) {
            try await test.store.read(EmailID(99), of: bob.id, range: 0..<10)
        }
        try await test.requireCounted(inbox, of: ann)
        try await test.requireCounted(inbox, of: bob)
        // All or nothing: the second round does not fit.
        await #expect(throws: StoreError.overQuota) { try await transfer(.all, isMove: true) }
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.count == 2)
        _ = try await test.store.expunge(.all, in: inbox, of: bob.id)
        try await test.store.setQuota(bob.id, bytes: 700_000)
        let moved = try await transfer(.all, isMove: true)
        #expect(moved.destination == [UID(3), UID(4)])
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.isEmpty)
        let kept = try await test.store.entries(in: inbox, of: bob.id).changed
        #expect(kept.suffix(2).map(\.keywords) == [Keywords(["$A"]), Keywords(["$A"])])
        let octets = try await test.store.read(try #require(kept.last).email, of: bob.id, range: 0..<400_000).octets
        #expect(octets == large)
        try await test.requireCounted(inbox, of: ann)
        try await test.requireCounted(inbox, of: bob)
        #expect(try await test.store.account(ann.id)?.usedBytes == 0)
    }

    @Test(arguments: StoreFactory.all) func nobodySignsInToATeamsAccount(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let bob = try await test.account("bob@shop.test")
        let address = EmailAddress.sample("support@shop.test")
        let team = try await test.store.addTeamAccount(
            NewAccount(organisation: bob.organisation, address: address, displayName: "Support", passwordHash: "hash"),
            audit: event(test)
        )
        #expect(try await test.store.credential(for: address) == nil)
        #expect(try await test.store.credential(for: bob.primaryAddress) != nil)
        await #expect(throws: StoreError.refused("nobody signs in to a shared account")) {
            try await test.store.add(
                RefreshToken(
                    account: team.id,
                    family: "f",
                    hash: [1],
                    issuedAt: test.clock.now(),
                    expiresAt: test.clock.now().adding(seconds: 60)
                )
            )
        }
        #expect(
            try await test.store.teamAccounts(TeamListing(organisation: bob.organisation, limit: 9)).map(\.displayName)
                == ["Support"]
        )
        #expect(try await test.store.teamAccounts(TeamListing(organisation: nil, limit: 9)).map(\.address) == [address])
        #expect(try await test.store.teamAccounts(TeamListing(organisation: OrganisationID(999), limit: 9)) == [])
        // Mail comes in as to everybody.
        try await test.deliver(Octets.text(10), to: [team])
        try await give(test, "lrk", to: .account(bob.id), of: team)
        #expect(try await test.store.sharedMailboxes(with: bob.id).map(\.isTeam) == [true])
        let tickets = try await test.store.create("Tickets", specialUse: nil, of: team.id)
        #expect(try await test.store.grants(in: tickets.id, of: team.id).map(\.rights.description) == ["lrk"])
    }

    @Test(arguments: StoreFactory.all) func sessionsHearOfOtherRights(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        defer { listener.cancel() }
        try await give(test, "lr", to: .account(bob.id), of: ann)
        #expect(heard.changes.map(\.mailbox) == [inbox])
        try await give(test, "lr", to: .account(bob.id), of: ann)
        #expect(heard.changes.count == 1)
        try await test.requireCounted(inbox, of: ann)
    }
}
