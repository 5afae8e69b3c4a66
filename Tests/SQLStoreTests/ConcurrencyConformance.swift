import MailModel
import MailPorts
import NIOCore
import Testing

/// Two stores over one database stand for two processes.
@Suite("Store: many at once") struct ConcurrencyConformance {
    /// What a client keeps of a mailbox, brought up to date by changes alone.
    private struct View {
        var modSeq = ModSeq(0)
        var messages: [UID: MessageEntry] = [:]

        mutating func apply(_ changes: MailboxChanges) {
            #expect(changes.mailbox.highestModSeq >= modSeq)
            for entry in changes.changed { messages[entry.uid] = entry }
            for uid in changes.vanished { messages[uid] = nil }
            modSeq = changes.mailbox.highestModSeq
        }
    }

    private func pair(_ test: StoreUnderTest) async throws -> [any EveryStorePort] {
        let open = try #require(test.beside)
        return [test.store, try await open()]
    }

    /// RFC 7162: who has seen modification number N misses nothing that N or less has numbered.
    @Test(arguments: StoreFactory.all) func aMailboxThatManyChange(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let stores = try await pair(test)
        let ann = try await test.account("ann@shop.test")
        let archive = try await test.mailbox("Archive", of: ann).id
        let now = test.clock.now()
        let rounds = 12
        let view = try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                let store = stores[number % 2]
                group.addTask {
                    for round in 0..<rounds {
                        switch (number + round) % 4 {
                        case 0, 1:
                            let copies = [LocalCopy(account: ann.id, recipient: ann.primaryAddress)]
                            let receipt = try await store.deliver(
                                .example(Octets.text(10 + number), at: now, to: copies)
                            )
                            #expect(receipt.copies.count == 1)
                        case 2:
                            let item = AppendItem(
                                bytes: .memory(ByteBuffer(bytes: Octets.text(20))),
                                summary: .example,
                                flags: [.deleted],
                                keywords: .none,
                                internalDate: now
                            )
                            _ = try await store.append([item, item], to: inbox, of: ann.id)
                            _ = try await store.setFlags(
                                .all,
                                in: inbox,
                                of: ann.id,
                                change: FlagChange(
                                    mode: round % 2 == 0 ? .add : .remove,
                                    flags: [.seen],
                                    keywords: Keywords(["k\(number)"])
                                ),
                                unchangedSince: nil
                            )
                        case _:
                            let some = try await store.entries(in: inbox, of: ann.id).changed.suffix(2).map(\.uid)
                            _ = try await store.copy(UIDRanges(ascending: some), from: inbox, to: archive, of: ann.id)
                            _ = try await store.expunge(.all, in: inbox, of: ann.id)
                            _ = try await store.move(
                                UIDRanges(ascending: Array(some.prefix(1))),
                                from: archive,
                                to: inbox,
                                of: ann.id
                            )
                        }
                    }
                }
            }
            var view = View()
            for _ in 0..<40 { view.apply(try await stores[1].changes(in: inbox, of: ann.id, since: view.modSeq)) }
            try await group.waitForAll()
            view.apply(try await stores[0].changes(in: inbox, of: ann.id, since: view.modSeq))
            return view
        }
        let all = try await test.store.entries(in: inbox, of: ann.id)
        #expect(view.messages.values.sorted { $0.uid < $1.uid } == all.changed)
        #expect(view.modSeq == all.mailbox.highestModSeq)
        try await test.requireCounted(inbox, of: ann)
        try await test.requireCounted(archive, of: ann)
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func numbersAreGivenOnce(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let stores = try await pair(test)
        let ann = try await test.account("ann@shop.test")
        let receipts = try await withThrowingTaskGroup(of: (UID, ModSeq).self) { group in
            for number in 0..<120 {
                group.addTask {
                    let copies = [LocalCopy(account: ann.id, recipient: ann.primaryAddress)]
                    let receipt = try await stores[number % 2].deliver(
                        .example(Octets.text(5), at: test.clock.now(), to: copies)
                    )
                    return (receipt.copies[0].uid, receipt.copies[0].modSeq)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let byUID = receipts.sorted { $0.0 < $1.0 }
        #expect(byUID.map(\.0.rawValue) == Array(1...120))
        #expect(zip(byUID, byUID.dropFirst()).allSatisfy { $0.1 < $1.1 })
    }

    /// Recipients in any order, special folders missing at first: nobody waits for anybody for ever.
    @Test(arguments: StoreFactory.all) func deliveriesToManyAccounts(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let stores = try await pair(test)
        var accounts: [Account] = []
        for name in ["ann", "bob", "cy", "dan"] {
            let account = try await test.account("\(name)@shop.test")
            try await test.store.delete(try await test.mailbox("Junk", of: account).id, of: account.id)
            accounts.append(account)
        }
        let everybody = accounts
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask {
                    let turned = (0..<4).map { everybody[(number % 2 == 0 ? $0 : 3 - $0 + number) % 4] }
                    let copies = turned.map { account in
                        LocalCopy(
                            account: account.id,
                            recipient: account.primaryAddress,
                            mailbox: number % 3 == 0 ? .specialUse(.junk) : .inbox
                        )
                    }
                    _ = try await stores[number % 2].deliver(.example(Octets.text(9), at: test.clock.now(), to: copies))
                }
            }
            try await group.waitForAll()
        }
        for account in accounts {
            #expect(try await test.mailbox("Junk", of: account).messages == 20)
            #expect(try await test.mailbox("INBOX", of: account).messages == 40)
        }
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func theQuotaHoldsToTheOctet(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let stores = try await pair(test)
        let ann = try await test.account("ann@shop.test", quota: 1_000)
        let accepted = await withTaskGroup(of: Int.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let copies = [LocalCopy(account: ann.id, recipient: ann.primaryAddress)]
                    return
                        (try? await stores[number % 2].deliver(
                            .example(Octets.text(100), at: test.clock.now(), to: copies)
                        )) == nil ? 0 : 1
                }
            }
            return await group.reduce(0, +)
        }
        #expect(accepted == 10)
        #expect(try await test.store.account(ann.id)?.usedBytes == 1_000)
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func namesAreTakenOnce(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let stores = try await pair(test)
        let ann = try await test.account("ann@shop.test")
        let made = await withTaskGroup(of: Int.self) { group in
            for number in 0..<12 {
                group.addTask {
                    let mailbox = try? await stores[number % 2].create("Jobs/New", specialUse: nil, of: ann.id)
                    let account = try? await stores[number % 2].addAccount(
                        NewAccount(organisation: ann.organisation, address: .sample("bob@shop.test"), passwordHash: "x")
                    )
                    return (mailbox == nil ? 0 : 1) + (account == nil ? 0 : 100)
                }
            }
            return await group.reduce(0, +)
        }
        #expect(made == 101)
        #expect(try await test.store.mailboxes(of: ann.id).count { $0.name.utf8.starts(with: "Jobs".utf8) } == 2)
        #expect(try await test.store.verify().findings == [])
    }

    /// Workers of two processes, leases that run out, an operator who holds and releases: each recipient is sent once.
    @Test(arguments: StoreFactory.all) func noRecipientIsLeasedTwice(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let stores = try await pair(test)
        let ann = try await test.account("ann@shop.test")
        let now = test.clock.now()
        for number in 0..<30 {
            let remote = (0..<4).map { "r\(number)-\($0)@away\($0 % 2).test" }
            _ = try await test.store.deliver(.example(Octets.text(9), at: now, remote: remote, submitter: ann.id))
        }
        let sent = try await withThrowingTaskGroup(of: [String].self) { group in
            for number in 0..<6 {
                let store = stores[number % 2]
                group.addTask {
                    var sent: [String] = []
                    var idle = 0
                    while idle < 3 {
                        let leases = try await store.lease(
                            QueueClaim(now: now, until: now.adding(seconds: 600), limit: 3)
                        )
                        idle = leases.isEmpty ? idle + 1 : 0
                        for lease in leases {
                            sent += lease.recipients.map(\.address.description)
                            let outcomes = lease.recipients.map {
                                RecipientOutcome(address: $0.address, result: .delivered, reply: "250")
                            }
                            try await store.finish(lease, QueueResult(outcomes: outcomes, attempts: []))
                        }
                    }
                    return sent
                }
            }
            group.addTask {
                for _ in 0..<10 {
                    _ = try await stores[0].hold(.domain("away1.test"))
                    _ = try await stores[1].release(.everything, now: now)
                }
                return []
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(sent).count == sent.count)
        // What was held at the moment that all workers found nothing.
        let left = try await test.store.depth()
        #expect(sent.count + left == 120)
        #expect(try await test.store.verify().findings == [])
    }
}
