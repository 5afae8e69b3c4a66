import MailModel
import MailPorts
import MailboxEngine
import SQLStore
import Testing

/// RFC 4314 §4 over every operation and every right.
@Suite("Rights in mailboxes") struct MailboxAccessTests {
    /// What somebody does to the mailbox `Other Users/ann@shop.test/NAME`.
    struct Deed: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Each of these is needed, by the letters of the RFC's table; nothing else is.
        var needs: MailboxRights
        var run: @Sendable (SharedHouse, MailboxAccess, _ name: String) async throws -> Void

        init(
            _ name: String,
            _ needs: String,
            _ run: @escaping @Sendable (SharedHouse, MailboxAccess, String) async throws -> Void
        ) {
            testDescription = name
            self.needs = MailboxRights(letters: needs.utf8) ?? []
            self.run = run
        }
    }

    static let all = UIDRanges.all

    static func flags(_ name: String, _ needs: String, _ flags: MessageFlags, _ keywords: [String] = []) -> Deed {
        Deed(name, needs) { _, access, name in
            _ = try await access.setFlags(
                all,
                in: try await access.find(name),
                mode: .add,
                flags: flags,
                keywords: Keywords(keywords),
                unchangedSince: nil
            )
        }
    }

    static let deeds: [Deed] = [
        Deed("LIST", "l") { _, access, name in
            guard try await access.sharedMailboxes().contains(where: { $0.name == name }) else {
                throw AccessFailure.store(.notFound)
            }
        },
        Deed("SELECT", "r") { _, access, name in _ = try await access.find(name, to: .select) },
        Deed("STATUS", "r") { _, access, name in _ = try await access.find(name, to: .status) },
        Deed("STATUS of DELETED-STORAGE", "r") { _, access, name in
            _ = try await access.entries(of: try await access.find(name))
        },
        Deed("FETCH, SEARCH and news", "r") { _, access, name in
            try await access.look(at: try await access.find(name), to: .read)
        },
        Deed("GETQUOTAROOT", "r") { _, access, name in _ = try await access.find(name, to: .quota) },
        Deed("APPEND", "i") { _, access, name in
            _ = try await access.append([SharedHouse.item], to: try await access.find(name))
        },
        Deed("COPY from", "r") { _, access, name in
            _ = try await access.copy(all, from: try await access.find(name), to: try await access.find("INBOX"))
        },
        Deed("COPY to", "i") { house, access, name in
            _ = try await house.store.append([SharedHouse.item], to: MailboxID(1), of: house.reader.id)
            _ = try await access.copy(all, from: try await access.find("INBOX"), to: try await access.find(name))
        },
        Deed("COPY within", "ri") { _, access, name in
            let place = try await access.find(name)
            _ = try await access.copy(all, from: place, to: place)
        },
        Deed("MOVE from", "rte") { _, access, name in
            _ = try await access.move(all, from: try await access.find(name), to: try await access.find("INBOX"))
        },
        Deed("MOVE to", "i") { house, access, name in
            _ = try await house.store.append([SharedHouse.item], to: MailboxID(1), of: house.reader.id)
            _ = try await access.move(all, from: try await access.find("INBOX"), to: try await access.find(name))
        },
        flags("STORE \\Seen", "rs", .seen), flags("STORE \\Deleted", "rt", .deleted),
        flags("STORE \\Flagged", "rw", .flagged), flags("STORE a keyword", "rw", [], ["$Work"]),
        Deed("EXPUNGE", "e") { _, access, name in try await access.expunge(all, in: try await access.find(name)) },
        Deed("CREATE below", "k") { _, access, name in try await access.create("\(name)/new", specialUse: nil) },
        Deed("DELETE", "x") { _, access, name in _ = try await access.delete(name) },
        Deed("RENAME below itself is CREATE and DELETE", "kx") { _, access, name in
            try await access.create("\(name)/one", specialUse: nil)
            try await access.rename("\(name)/one", to: "\(name)/two")
        },
        Deed("GETACL, SETACL and the rest", "a") { house, access, name in
            _ = try await house.sharing.target(try await access.find(name), by: access)
        },
        Deed("Rights over HTTP", "a") { house, access, name in
            let mailbox = try await access.find(name)
            do {
                _ = try await house.sharing.target(mailbox.id, of: mailbox.owner, for: house.reader)
            } catch let failure as SharingFailure {
                throw failure == .notPermitted ? AccessFailure.notPermitted : .store(.notFound)
            }
        },
    ]

    static func outcome(_ work: () async throws -> Void) async throws -> AccessFailure? {
        do {
            try await work()
            return nil
        } catch let failure as AccessFailure {
            return failure
        }
    }

    @Test(arguments: deeds) func `Every operation asks for its rights, and for no others`(_ deed: Deed) async throws {
        let house = try await SharedHouse()
        let access = house.access(house.reader)
        for (letter, right) in MailboxRights.letters {
            let own = "Team\(letter)"
            let name = "Other Users/ann@shop.test/\(own)"
            let record = try await house.mailbox(own)
            try await house.give(MailboxRights.all.subtracting(right), in: record.id)
            let failure = try await Self.outcome { try await deed.run(house, access, name) }
            let expected: AccessFailure? =
                deed.needs.contains(right) ? (right == .lookup ? .store(.notFound) : .notPermitted) : nil
            #expect(failure == expected, "without \(UnicodeScalar(letter))")
        }
        let enough = try await house.mailbox("Enough")
        try await house.give(deed.needs, in: enough.id)
        let run = { try await deed.run(house, access, "Other Users/ann@shop.test/Enough") }
        #expect(try await Self.outcome(run) == nil, "with these alone")
        // RFC 4314 §4: without l it is not there, whatever else may be done with it.
        let hidden = try await house.mailbox("Hidden")
        try await house.give(.post, in: hidden.id)
        let guess = { try await deed.run(house, access, "Other Users/ann@shop.test/Hidden") }
        #expect(try await Self.outcome(guess) == .store(.notFound), "hidden")
        let none = { try await deed.run(house, access, "Other Users/ann@shop.test/None") }
        #expect(try await Self.outcome(none) == .store(.notFound), "not there")
    }

    @Test func `MYRIGHTS is for any right but those over messages alone`() async throws {
        let house = try await SharedHouse()
        let access = house.access(house.reader)
        let record = try await house.mailbox("Team")
        for (letter, right) in MailboxRights.letters {
            try await house.give(right, in: record.id)
            let failure = try await Self.outcome {
                _ = try await access.find("Other Users/ann@shop.test/Team", to: .knowRights)
            }
            #expect((failure == nil) == "lrikxa".utf8.contains(letter), "\(UnicodeScalar(letter))")
        }
    }

    @Test func `Flags that the rights do not allow stay as they are`() async throws {
        let house = try await SharedHouse()
        let access = house.access(house.reader)
        let record = try await house.mailbox("Team")
        try await house.give([.lookup, .read, .write, .insert], in: record.id)
        let place = try await access.find("Other Users/ann@shop.test/Team")
        let outcome = try await access.setFlags(
            .all,
            in: place,
            mode: .replace,
            flags: [.answered],
            keywords: Keywords(["$New"]),
            unchangedSince: nil
        )
        #expect(outcome.entries.map(\.flags) == [[.seen, .deleted, .answered]])
        #expect(outcome.entries.map(\.keywords) == [Keywords(["$New"])])
        // Read back: what was written, not what was said.
        let written = try await house.store.entries(in: record.id, of: house.owner.id).changed
        #expect(written.map(\.flags) == [[.seen, .deleted, .answered]])
        // Neither an APPEND nor a COPY brings in what a STORE may not.
        _ = try await access.append([SharedHouse.item], to: place)
        _ = try await house.store.append([SharedHouse.item], to: MailboxID(1), of: house.reader.id)
        _ = try await access.copy(.all, from: try await access.find("INBOX"), to: place)
        let flags = try await house.store.entries(in: record.id, of: house.owner.id).changed.dropFirst().map(\.flags)
        #expect(flags == [[.flagged], [.flagged]])
    }

    @Test func `Rights are those of now, whatever place was found before`() async throws {
        let house = try await SharedHouse()
        let access = house.access(house.reader)
        let record = try await house.mailbox("Team")
        try await house.give(.all, in: record.id)
        let place = try await access.find("Other Users/ann@shop.test/Team")
        try await house.give([], in: record.id)
        #expect(try await Self.outcome { try await access.look(at: place, to: .read) } == .store(.notFound))
        #expect(try await Self.outcome { try await access.expunge(.all, in: place) } == .store(.notFound))
    }

    @Test func `Nobody of another organisation gets in, nor by another's name or number`() async throws {
        let house = try await SharedHouse()
        let record = try await house.mailbox("Team")
        try await house.give(.all, in: record.id)
        let stranger = house.access(house.stranger)
        for name in ["Other Users/ann@shop.test/Team", "Shared/ann@shop.test/Team", "Other Users/bob@shop.test/INBOX"] {
            #expect(try await Self.outcome { _ = try await stranger.find(name) } == .store(.notFound))
        }
        // A place that the reader found is worth nothing in another's hands.
        let place = try await house.access(house.reader).find("Other Users/ann@shop.test/Team")
        #expect(try await Self.outcome { try await stranger.look(at: place, to: .read) } == .store(.notFound))
        await #expect(throws: SharingFailure.store(.notFound)) {
            try await house.sharing.target(record.id, of: house.owner.id, for: house.stranger)
        }
        await #expect(throws: SharingFailure.unknownIdentifier("no account of the organisation has this address")) {
            try await house.sharing.identifier("cy@rival.test", for: house.owner)
        }
        // The wrong namespace is a name of nothing.
        let reader = house.access(house.reader)
        #expect(try await Self.outcome { _ = try await reader.find("Shared/ann@shop.test/Team") } == .store(.notFound))
    }

    @Test func `What is below is renamed only with rights in all of it`() async throws {
        let house = try await SharedHouse()
        let access = house.access(house.reader)
        let record = try await house.mailbox("Team")
        let below = try await house.mailbox("Team/Private")
        try await house.give(.all, in: record.id)
        let roof = try await house.mailbox("Roof")
        try await house.give(.all, in: roof.id)
        let rename = {
            try await access.rename("Other Users/ann@shop.test/Team", to: "Other Users/ann@shop.test/Roof/Team")
        }
        #expect(try await Self.outcome(rename) == .notPermitted)
        try await house.give(.all, in: below.id)
        #expect(try await Self.outcome(rename) == nil)
        #expect(try await house.store.mailbox(named: "Roof/Team/Private", of: house.owner.id).id == below.id)
        // Out of the account, and the owner's INBOX, nobody renames.
        let out = { try await access.rename("Other Users/ann@shop.test/Roof/Team", to: "Mine") }
        #expect(try await Self.outcome(out) == .impossible("A mailbox stays in its account; copy its messages"))
    }

    @Test func `A team's account takes new mailboxes from who may make them below INBOX`() async throws {
        let house = try await SharedHouse()
        let access = house.access(house.reader)
        let create = { try await access.create("Shared/support@shop.test/Tickets", specialUse: nil) }
        #expect(try await Self.outcome(create) == .store(.notFound))
        try await house.give(MailboxRights(letters: "lrswik".utf8) ?? [], in: MailboxID(1), of: house.team)
        #expect(try await Self.outcome(create) == nil)
        let made = try await access.find("Shared/support@shop.test/Tickets")
        #expect(made.rights.description == "lrswik")
        // At the top of somebody's own account nobody else makes any.
        try await house.give(.all, in: MailboxID(1))
        let top = { try await access.create("Other Users/ann@shop.test/Top", specialUse: nil) }
        #expect(try await Self.outcome(top) == .store(.notFound))
    }

    @Test func `Nothing is made below a mailbox that the reader may not know of`() async throws {
        let house = try await SharedHouse()
        let access = house.access(house.reader)
        let parent = try await house.mailbox("A")
        _ = try await house.mailbox("A/Private")
        _ = try await house.mailbox("A/Private/Known")
        try await house.give(.all, in: parent.id)
        _ = try await house.mailbox("Private", of: house.team)
        try await house.give(.all, in: MailboxID(1), of: house.team)
        let here = "Other Users/ann@shop.test/A"
        for name in ["\(here)/Private/New", "\(here)/Private/Known", "\(here)/Private/Deep/New"] {
            let create = { try await access.create(name, specialUse: nil) }
            #expect(try await Self.outcome(create) == .store(.notFound), "\(name)")
        }
        let below = { try await access.create("Shared/support@shop.test/Private/New", specialUse: nil) }
        #expect(try await Self.outcome(below) == .store(.notFound))
        try await access.create("\(here)/Mine", specialUse: nil)
        let rename = { try await access.rename("\(here)/Mine", to: "\(here)/Private/Mine") }
        #expect(try await Self.outcome(rename) == .store(.notFound))
        #expect(try await Self.outcome { try await access.create("\(here)/New/Deep", specialUse: nil) } == nil)
    }
}
