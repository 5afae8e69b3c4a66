import MailModel
import MailPorts
import NIOCore
import Testing

@Suite struct SearchConformance {
    @Test(arguments: StoreFactory.all)
    func `work is given until it is noted as done`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let account = try await test.account("ann@shop.test").id
        for subject in ["one", "two", "three"] { try await put(subject, in: test, account) }
        #expect(try await store.accountsToIndex(after: nil, limit: 9) == [account])
        #expect(try await store.accountsToIndex(after: account, limit: 9).isEmpty)
        let first = try await store.indexWork(of: account, limit: 2)
        #expect(first.startsAnew && !first.isLast && first.emails.map(\.subject) == ["one", "two"])
        // Not noted: the same again.
        #expect(try await store.indexWork(of: account, limit: 2).emails.map(\.id) == first.emails.map(\.id))
        try await store.indexed(first)
        let second = try await store.indexWork(of: account, limit: 2)
        #expect(!second.startsAnew && second.isLast && second.emails.map(\.subject) == ["three"])
        #expect(try await store.indexState() == (1, 1))
        try await store.indexed(second)
        #expect(try await store.accountsToIndex(after: nil, limit: 9).isEmpty)
        #expect(try await store.indexState() == (1, 0))
    }

    @Test(arguments: StoreFactory.all)
    func `what goes is given once the index knows the account`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let account = try await test.account("ann@shop.test").id
        try await put("gone before", in: test, account)
        let inbox = try await store.mailbox(named: "INBOX", of: account).id
        try await remove(1, inbox, account, store)
        try await put("gone after", in: test, account)
        let work = try await store.indexWork(of: account, limit: 9)
        #expect(work.emails.map(\.subject) == ["gone after"] && work.removed.isEmpty)
        // Gone between the reading and the noting.
        try await remove(2, inbox, account, store)
        try await store.indexed(work)
        let next = try await store.indexWork(of: account, limit: 9)
        #expect(next.emails.isEmpty && next.removed == work.emails.map(\.id))
        try await store.indexed(next)
        #expect(try await store.indexWork(of: account, limit: 9).removed.isEmpty)
    }

    @Test(arguments: StoreFactory.all)
    func `a reset account and one that is indexed anew`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let account = try await test.account("ann@shop.test").id
        try await put("old", in: test, account)
        let work = try await store.indexWork(of: account, limit: 9)
        try await store.indexed(work)
        try await store.resetAccount(account)
        let after = try await store.indexWork(of: account, limit: 9)
        #expect(after.removed == work.emails.map(\.id) && after.emails.isEmpty)
        try await store.indexed(after)
        try await put("new", in: test, account)
        try await store.indexed(try await store.indexWork(of: account, limit: 9))
        try await store.reindex(account)
        let anew = try await store.indexWork(of: account, limit: 9)
        #expect(anew.startsAnew && anew.emails.map(\.subject) == ["new"])
    }

    @Test(arguments: StoreFactory.all)
    func `found messages are the account's own, in the order asked`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test").id
        let bob = try await test.account("bob@shop.test").id
        for subject in ["one", "two"] { try await put(subject, in: test, ann) }
        let emails = try await store.indexWork(of: ann, limit: 9).emails.map(\.id)
        let inbox = try await store.mailbox(named: "INBOX", of: ann).id
        let archive = try await store.create("Filed", specialUse: nil, of: ann).id
        _ = try await store.copy(UIDRanges([1...1]), from: inbox, to: archive, of: ann)
        let found = try await store.found(emails.reversed(), of: ann)
        #expect(found.map(\.subject) == ["two", "one"])
        #expect(found.last?.places.map(\.name) == ["INBOX", "Filed"])
        #expect(try await store.found(emails, of: bob).isEmpty)
        await #expect(throws: StoreError.self) {
            try await store.found(Array(repeating: EmailID(1), count: 501), of: ann)
        }
    }

    private func put(_ subject: String, in test: StoreUnderTest, _ account: AccountID) async throws {
        var summary = MessageSummary.example
        summary.subject = subject
        let item = AppendItem(
            bytes: .memory(ByteBuffer(string: "Subject: \(subject)\r\n\r\n")),
            summary: summary,
            flags: [],
            keywords: .none,
            internalDate: test.clock.now()
        )
        let inbox = try await test.store.mailbox(named: "INBOX", of: account).id
        _ = try await test.store.append([item], to: inbox, of: account)
    }

    private func remove(
        _ uid: UInt32,
        _ mailbox: MailboxID,
        _ account: AccountID,
        _ store: any EveryStorePort
    ) async throws {
        let one = UIDRanges([uid...uid])
        let change = FlagChange(mode: .add, flags: .deleted, keywords: .none)
        _ = try await store.setFlags(one, in: mailbox, of: account, change: change, unchangedSince: nil)
        #expect(try await store.expunge(one, in: mailbox, of: account) == [UID(uid)])
    }
}
