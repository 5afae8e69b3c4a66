import MailModel
import MailPorts
import Testing

@Suite("Port: MailboxStore, mailboxes") struct MailboxConformance {
    @Test(arguments: StoreFactory.all) func creating(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        let deep = try await test.store.create("Work/2027/Grüße", specialUse: nil, of: ann.id)
        listener.cancel()
        #expect(heard.changes.map(\.mailbox) == [nil])
        #expect(deep.name == "Work/2027/Grüße")
        #expect((deep.messages, deep.unseen, deep.deleted, deep.size) == (0, 0, 0, 0))
        #expect(deep.uidNext == UID(1))
        let names = try await test.store.mailboxes(of: ann.id).map(\.name)
        #expect(Set(names).isSuperset(of: ["Work", "Work/2027", "Work/2027/Grüße"]))
        #expect(Set(try await test.store.mailboxes(of: ann.id).map(\.id)).count == names.count)
        #expect(try await test.store.mailbox(deep.id, of: ann.id) == deep)
        await #expect(throws: StoreError.alreadyExists) {
            _ = try await test.store.create("Work", specialUse: nil, of: ann.id)
        }
        await #expect(throws: StoreError.alreadyExists) {
            _ = try await test.store.create("inbox", specialUse: nil, of: ann.id)
        }
        await #expect(throws: StoreError.notFound) { _ = try await test.store.mailbox(named: "work", of: ann.id) }
        #expect(try await test.store.mailbox(named: "iNbOx", of: ann.id).id == inbox)
        let below = try await test.store.create("inbox/Sub", specialUse: nil, of: ann.id)
        #expect(below.name == "INBOX/Sub")
        await #expect(throws: StoreError.notFound) { _ = try await test.store.mailbox(MailboxID(99), of: ann.id) }
        await #expect(throws: StoreError.notFound) {
            _ = try await test.store.create("X", specialUse: nil, of: AccountID(99))
        }
    }

    @Test(arguments: StoreFactory.all) func specialUses(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let flagged = try await test.store.create("Stars", specialUse: .flagged, of: ann.id)
        #expect(flagged.specialUse == .flagged)
        #expect(try await isRefused { _ = try await test.store.create("Spam", specialUse: .junk, of: ann.id) })
        await #expect(throws: StoreError.notFound) { _ = try await test.store.mailbox(named: "Spam", of: ann.id) }
    }

    @Test(
        arguments: StoreFactory.all,
        [
            "", "/", "/a", "a/", "a//b", "a\u{0}b", "a\r\nb", "a%", "a*", String(repeating: "x", count: 1_001),
            Array(repeating: "a", count: 21).joined(separator: "/"),
        ]
    )
    func namesThatAreNotAllowed(_ factory: StoreFactory, _ name: String) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        #expect(try await isRefused { _ = try await test.store.create(name, specialUse: nil, of: ann.id) })
        #expect(try await isRefused { try await test.store.rename("Archive", to: name, of: ann.id) })
        #expect(try await isRefused { try await test.store.setSubscribed(name, true, of: ann.id) })
    }

    @Test(arguments: StoreFactory.all) func deleting(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let work = try await test.store.create("Work", specialUse: nil, of: ann.id)
        _ = try await test.store.create("Work/2027", specialUse: nil, of: ann.id)
        try await test.append([100, 200, 90_000], to: work.id, of: ann)
        try await test.append([50], to: inbox, of: ann)
        let copied = try await test.store.copy(UIDRanges([1...1]), from: work.id, to: inbox, of: ann.id)
        #expect(try await test.store.account(ann.id)?.usedBytes == 90_450)
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        try await test.store.delete(work.id, of: ann.id)
        listener.cancel()
        #expect(Set(heard.changes.map(\.mailbox)) == [work.id, nil])
        await #expect(throws: StoreError.notFound) { _ = try await test.store.mailbox(work.id, of: ann.id) }
        await #expect(throws: StoreError.notFound) { try await test.store.delete(work.id, of: ann.id) }
        await #expect(throws: StoreError.notFound) { _ = try await test.store.entries(in: work.id, of: ann.id) }
        #expect(try await test.mailbox("Work/2027", of: ann).messages == 0)
        #expect(try await test.store.account(ann.id)?.usedBytes == 150)
        #expect(try await test.store.account(ann.id)?.usedMessages == 2)
        let entry = try #require(try await test.store.entries(in: inbox, of: ann.id).changed.last)
        #expect(entry.uid == copied.destination.first)
        #expect(try await test.store.read(entry.email, of: ann.id, range: 0..<Int.max).octets == Octets.text(100))
        #expect(try await isRefused { try await test.store.delete(inbox, of: ann.id) })
        let anew = try await test.store.create("Work", specialUse: nil, of: ann.id)
        #expect(anew.uidValidity.rawValue > work.uidValidity.rawValue)
        #expect(anew.id > work.id)
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func renaming(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let work = try await test.store.create("Work", specialUse: nil, of: ann.id)
        let below = try await test.store.create("Work/Ä/b", specialUse: nil, of: ann.id)
        let near = try await test.store.create("Workshop", specialUse: nil, of: ann.id)
        try await test.append([100], to: work.id, of: ann)
        try await test.store.rename("Work", to: "Old/Jobs", of: ann.id)
        #expect(try await test.store.mailbox(work.id, of: ann.id).name == "Old/Jobs")
        #expect(try await test.store.mailbox(work.id, of: ann.id).messages == 1)
        #expect(try await test.store.mailbox(work.id, of: ann.id).uidValidity == work.uidValidity)
        #expect(try await test.store.mailbox(below.id, of: ann.id).name == "Old/Jobs/Ä/b")
        #expect(try await test.store.mailbox(near.id, of: ann.id).name == "Workshop")
        #expect(try await test.mailbox("Old", of: ann).messages == 0)
        await #expect(throws: StoreError.notFound) { try await test.store.rename("Work", to: "X", of: ann.id) }
        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.rename("Workshop", to: "Old", of: ann.id)
        }
        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.rename("Workshop", to: "Inbox", of: ann.id)
        }
        #expect(try await isRefused { try await test.store.rename("Old", to: "Old/Jobs/New", of: ann.id) })
        // The parent is gone, its child is in the way.
        _ = try await test.store.create("New/Jobs", specialUse: nil, of: ann.id)
        try await test.store.delete(try await test.mailbox("New", of: ann).id, of: ann.id)
        await #expect(throws: StoreError.alreadyExists) { try await test.store.rename("Old", to: "New", of: ann.id) }
        #expect(try await test.store.mailbox(work.id, of: ann.id).name == "Old/Jobs")
        try await test.store.rename("Junk", to: "Spam", of: ann.id)
        #expect(try await test.mailbox("Spam", of: ann).specialUse == .junk)
    }

    /// RFC 9051 §6.3.6.
    @Test(arguments: StoreFactory.all) func renamingInboxMovesItsMessages(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test", quota: 400)
        let below = try await test.store.create("INBOX/Sub", specialUse: nil, of: ann.id)
        try await test.append([100, 200], to: inbox, of: ann, flags: [.seen])
        let before = try await test.store.entries(in: inbox, of: ann.id)
        try await test.store.rename("INBOX", to: "Past", of: ann.id)
        let past = try await test.mailbox("Past", of: ann)
        #expect(past.messages == 2)
        #expect(
            try await test.store.entries(in: past.id, of: ann.id).changed.map(\.email) == before.changed.map(\.email)
        )
        let changes = try await test.store.changes(in: inbox, of: ann.id, since: before.mailbox.highestModSeq)
        #expect(changes.vanished == [UID(1), UID(2)])
        #expect(changes.mailbox.messages == 0)
        #expect(changes.mailbox.uidNext == UID(3))
        #expect(changes.mailbox.uidValidity == before.mailbox.uidValidity)
        #expect(try await test.store.mailbox(below.id, of: ann.id).name == "INBOX/Sub")
        #expect(try await test.store.account(ann.id)?.usedBytes == 300)
        try await test.requireCounted(past.id, of: ann)
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func subscriptions(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await test.store.setSubscribed("Not/There", true, of: ann.id)
        try await test.store.setSubscribed("Not/There", true, of: ann.id)
        try await test.store.setSubscribed("Junk", false, of: ann.id)
        try await test.store.setSubscribed("inbox", false, of: ann.id)
        #expect(try await test.store.subscriptions(of: ann.id) == ["Archive", "Drafts", "Not/There", "Sent", "Trash"])
        #expect(try await test.mailbox("Junk", of: ann).isSubscribed == false)
        #expect(try await test.mailbox("INBOX", of: ann).isSubscribed == false)
        let made = try await test.store.create("Not/There", specialUse: nil, of: ann.id)
        #expect(made.isSubscribed)
        #expect(try await test.mailbox("Not", of: ann).isSubscribed == false)
    }
}

/// Whether it throws `.refused`.
func isRefused(_ body: () async throws -> Void) async throws -> Bool {
    do {
        try await body()
        return false
    } catch StoreError.refused {
        return true
    }
}
