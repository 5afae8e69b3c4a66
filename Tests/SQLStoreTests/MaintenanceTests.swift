import BlobFiles
import CacheMemory
import Database
import Glibc
import Logging
import MailModel
import MailPorts
import NIOCore
import SQLStore
import Testing

/// What is planted goes straight into the database file.
@Suite("Store: verify, sweep, health") struct MaintenanceTests {
    private let folder = TemporaryFolder()
    private let clock = TestClock()

    private func filled() async throws -> StoreUnderTest {
        let feed = MemoryChangeFeed()
        let test = StoreUnderTest(
            store: try await SQLStore.open(folder, feed: feed, clock: clock),
            feed: feed,
            clock: clock,
            folder: folder
        )
        let ann = try await test.account("ann@shop.test", quota: 10_000_000)
        let bob = try await test.account("bob@shop.test")
        let archive = try await test.mailbox("Archive", of: ann)
        try await test.deliver(Octets.text(100), to: [ann, bob], prefix: Array("A: b\r\n".utf8))
        try await test.deliver(Octets.text(40_000), to: [ann])
        try await test.deliver(Octets.noise(100_000), to: [ann, bob])
        try await test.append([10, 20], to: archive.id, of: ann, flags: [.seen])
        _ = try await test.store.copy(UIDRanges([1...2]), from: inbox, to: archive.id, of: ann.id)
        _ = try await test.store.setFlags(
            UIDRanges([1...1]),
            in: archive.id,
            of: ann.id,
            change: FlagChange(mode: .add, flags: [.deleted], keywords: .none),
            unchangedSince: nil
        )
        _ = try await test.store.expunge(.all, in: archive.id, of: ann.id)
        try await test.store.addAlias(.sample("info@shop.test"), targets: [ann.primaryAddress])
        _ = try await test.store.deliver(
            .example(Octets.text(200), at: clock.now(), remote: ["x@away.test"], submitter: ann.id)
        )
        _ = try await test.store.deliver(
            .example(Octets.noise(150_000), at: clock.now(), remote: ["x@away.test"], submitter: ann.id)
        )
        return test
    }

    private func plant(_ sql: String) async throws {
        let database = try SQLiteDatabase(path: folder.path + "/oonrumail.sqlite", logger: Logger(label: "test"))
        let changed = try await database.write { connection throws(StoreError) in try connection.execute(sql) }
        #expect(changed > 0, "\(sql)")
        await database.close()
    }

    @Test func aSoundStoreHasNoFindings() async throws {
        let test = try await filled()
        let report = try await test.store.verify()
        #expect(report.findings == [])
        #expect((report.accounts, report.mailboxes, report.messages, report.blobs) == (2, 12, 8, 2))
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var sql: String
        var finding: String
        init(_ name: String, _ sql: String, _ finding: String) {
            (testDescription, self.sql, self.finding) = (name, sql, finding)
        }

        static let all: [Damage] = [
            Damage(
                "count",
                "UPDATE mailboxes SET messages = messages + 1 WHERE account_id = 1 AND mailbox_id = 1",
                "mailbox 1 counts"
            ),
            Damage(
                "unseen",
                "UPDATE mailboxes SET unseen = 0 WHERE account_id = 2 AND mailbox_id = 1",
                "mailbox 1 counts"
            ),
            Damage("deleted", "UPDATE mailboxes SET deleted = 5 WHERE account_id = 1 AND mailbox_id = 2", "5 deleted"),
            Damage(
                "size",
                "UPDATE mailboxes SET size = size - 1 WHERE account_id = 1 AND mailbox_id = 1",
                "mailbox 1 counts"
            ),
            Damage(
                "UIDNEXT",
                "UPDATE mailboxes SET uid_next = 2 WHERE account_id = 1 AND mailbox_id = 1",
                "UIDNEXT 2 is in use"
            ),
            Damage(
                "modseq too low",
                "UPDATE mailboxes SET highest_modseq = 1 WHERE account_id = 1 AND mailbox_id = 1",
                "modification number 1"
            ),
            Damage(
                "modseq too high",
                "UPDATE account_counters SET modseq = 3 WHERE account_id = 1",
                "highest modification number"
            ),
            Damage(
                "quota octets",
                "UPDATE account_counters SET used_bytes = 7 WHERE account_id = 2",
                "account 2: the quota counts 7 octets"
            ),
            Damage(
                "quota messages",
                "UPDATE account_counters SET used_messages = 7 WHERE account_id = 2",
                "account 2: the quota counts 7 messages"
            ),
            Damage("email number", "UPDATE account_counters SET next_email = 2 WHERE account_id = 1", "are in use"),
            Damage("mailbox number", "UPDATE account_counters SET next_mailbox = 2 WHERE account_id = 1", "are in use"),
            Damage(
                "no INBOX",
                "UPDATE mailboxes SET name = 'Other' WHERE account_id = 1 AND mailbox_id = 1",
                "no INBOX"
            ),
            Damage(
                "lost mailbox",
                "DELETE FROM mailboxes WHERE account_id = 1 AND mailbox_id = 1",
                "messages are in mailbox 1, which is not there"
            ),
            Damage("lost message", "DELETE FROM messages WHERE account_id = 2 AND uid = 1", "mailbox 1 counts"),
            Damage(
                "lost email",
                "DELETE FROM emails WHERE account_id = 2 AND email_id = 1",
                "message 1 in mailbox 1 has no content"
            ),
            Damage(
                "lost bytes",
                "DELETE FROM inline_bytes WHERE account_id = 2 AND email_id = 1",
                "email 1 has lost its bytes"
            ),
            Damage(
                "orphan email",
                "UPDATE emails SET email_id = 0 WHERE account_id = 2 AND email_id = 1",
                "email 0 counts 1 messages, there are 0"
            ),
            Damage(
                "orphan bytes",
                "UPDATE inline_bytes SET email_id = 90 WHERE account_id = 2 AND email_id = 1",
                "bytes of email 90"
            ),
            Damage(
                "references",
                "UPDATE emails SET refs = 3 WHERE account_id = 1 AND email_id = 2",
                "email 2 counts 3 messages"
            ),
            Damage(
                "message size",
                "UPDATE messages SET size = 105 WHERE account_id = 2 AND uid = 1",
                "says 105 octets, its content has 106"
            ),
            Damage(
                "alive and expunged",
                "UPDATE tombstones SET uid = 2 WHERE account_id = 1",
                "both there and expunged"
            ),
            Damage(
                "inline bytes",
                "UPDATE inline_bytes SET data = zeroblob(100) WHERE account_id = 2 AND email_id = 1",
                "do not have their hash"
            ),
            Damage(
                "inline size",
                "UPDATE inline_bytes SET data = zeroblob(99) WHERE account_id = 2 AND email_id = 1",
                "do not decode"
            ),
            Damage(
                "compressed bytes",
                "UPDATE inline_bytes SET data = zeroblob(99) WHERE encoding = 1",
                "do not decode"
            ),
            Damage(
                "encoding",
                "UPDATE inline_bytes SET encoding = 9 WHERE account_id = 2 AND email_id = 1",
                "do not decode"
            ),
            Damage(
                "hash",
                "UPDATE emails SET blob_hash = zeroblob(32) WHERE account_id = 2 AND email_id = 1",
                "do not have their hash"
            ),
            Damage(
                "short hash",
                "UPDATE emails SET blob_hash = zeroblob(31) WHERE account_id = 2 AND is_inline = 0",
                "31 octets"
            ),
            Damage(
                "blob missing",
                "UPDATE emails SET blob_hash = zeroblob(32) WHERE account_id = 2 AND is_inline = 0",
                "missing"
            ),
            Damage("blob size", "UPDATE emails SET blob_size = 99999 WHERE is_inline = 0", "has not the 99999 octets"),
            Damage(
                "blob sizes",
                "UPDATE emails SET blob_size = 99999 WHERE is_inline = 0 AND account_id = 1",
                "rows disagree"
            ),
            Damage(
                "queue bytes",
                "UPDATE queue_messages SET data = zeroblob(200) WHERE data IS NOT NULL",
                "queue: message"
            ),
            Damage("queue blob", "UPDATE queue_messages SET blob_hash = zeroblob(32) WHERE data IS NULL", "missing"),
            Damage("no recipients", "DELETE FROM queue_recipients", "has no recipients"),
            Damage("no queue message", "DELETE FROM queue_messages", "has no message"),
            Damage("state", "UPDATE queue_recipients SET state = 'odd'", "no known state"),
            Damage("no counters", "DELETE FROM account_counters WHERE account_id = 2", "account 2 has no counters"),
            Damage("no credentials", "DELETE FROM credentials WHERE account_id = 2", "account 2 has no credentials"),
            Damage("address", "DELETE FROM addresses WHERE account_id = 2", "account 2 does not own its address"),
            Damage("account", "DELETE FROM accounts WHERE account_id = 2", "belongs to an account that is not there"),
            Damage("domain", "DELETE FROM domains", "is of a domain that is not there"),
            Damage("organisation", "DELETE FROM organisations", "is of an organisation that is not there"),
            Damage("alias", "DELETE FROM alias_targets", "alias info@shop.test has no target"),
        ]
    }

    @Test(arguments: Damage.all) func damageIsFound(_ damage: Damage) async throws {
        let test = try await filled()
        try await plant(damage.sql)
        let findings = try await test.store.verify().findings
        #expect(findings.contains { $0.contains(damage.finding) }, "\(findings)")
    }

    private func blobPaths() -> [String] { folder.files(below: "blobs").map { "\(folder.path)/\($0)" } }

    @Test func damagedBlobsAreFound() async throws {
        let test = try await filled()
        let paths = blobPaths()
        #expect(paths.count == 2)
        let file = open(paths[0], O_WRONLY)
        #expect(pwrite(file, "x", 1, 500) == 1)
        close(file)
        unlink(paths[1])
        let findings = try await test.store.verify().findings
        #expect(findings.count { $0.contains("do not have that hash") } == 1)
        #expect(findings.count { $0.contains("missing") } == 1)
        #expect(findings.count == 2)
    }

    @Test func aDamagedDatabaseIsFound() async throws {
        let test = try await filled()
        await test.store.close()
        let path = folder.path + "/oonrumail.sqlite"
        var status = stat()
        stat(path, &status)
        let file = open(path, O_WRONLY)
        let junk = Octets.noise(4_000)
        for page in 8..<(Int(status.st_size) / 4_096) where page % 5 == 0 {
            #expect(pwrite(file, junk, junk.count, page * 4_096 + 50) == junk.count)
        }
        close(file)
        do {
            let again = try await SQLStore.open(folder)
            #expect(try await again.verify().findings.contains { $0.hasPrefix("database: ") })
        } catch {
            guard case StoreError.damaged = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func theSweepTakesOnlyOldOrphans() async throws {
        let test = try await filled()
        let ann = try #require(try await test.store.account(withAddress: .sample("ann@shop.test")))
        let bob = try #require(try await test.store.account(withAddress: .sample("bob@shop.test")))
        let real = Timestamp(seconds: Int64(time(nil)))
        #expect(try await test.store.sweepBlobs(graceSeconds: 60, now: real.adding(seconds: 7_200)) == 0)
        try await test.append([90_000], to: inbox, of: ann, flags: [.deleted])
        _ = try await test.store.expunge(.all, in: inbox, of: ann.id)
        #expect(blobPaths().count == 3)
        #expect(try await test.store.sweepBlobs(graceSeconds: 3_600, now: real) == 0)
        #expect(try await test.store.sweepBlobs(graceSeconds: 0, now: real) == 0)
        #expect(try await test.store.sweepBlobs(graceSeconds: 3_600, now: real.adding(seconds: 7_200)) == 1)
        #expect(blobPaths().count == 2)
        // What the other account still has stays.
        try await test.store.resetAccount(ann.id)
        #expect(try await test.store.sweepBlobs(graceSeconds: 60, now: real.adding(seconds: 7_200)) == 0)
        try await test.store.resetAccount(bob.id)
        #expect(try await test.store.sweepBlobs(graceSeconds: 60, now: real.adding(seconds: 7_200)) == 1)
        #expect(try await test.store.verify().findings == [])
    }

    @Test func healthAndClosing() async throws {
        let test = try await filled()
        try await test.store.checkHealth()
        await test.store.close()
        await test.store.close()
        // Nothing is left to replay.
        #expect(folder.files().filter { $0.hasPrefix("oonrumail.") } == ["oonrumail.sqlite"])
        for attempt in 0..<3 {
            do {
                switch attempt {
                case 0: try await test.store.checkHealth()
                case 1: _ = try await test.store.resolve(.sample("ann@shop.test"))
                default: _ = try await test.store.addOrganisation(name: "x")
                }
                Issue.record("a closed store answered")
            } catch {
                guard case StoreError.unavailable = error else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
        // Everything acknowledged is there for the next.
        let again = try await SQLStore.open(folder)
        #expect(try await again.verify().findings == [])
        #expect(try await again.mailboxes(of: AccountID(1)).first?.messages == 3)
    }

    @Test func closingWaitsForWhatIsBeingWritten() async throws {
        let test = try await filled()
        let ann = try #require(try await test.store.account(withAddress: .sample("ann@shop.test")))
        let outcomes = await withTaskGroup(of: Bool?.self) { group in
            for _ in 0..<100 { group.addTask { (try? await test.deliver(Octets.text(10), to: [ann])) != nil } }
            group.addTask {
                await test.store.close()
                return nil
            }
            return await group.reduce(into: 0) { $0 += $1 == true ? 1 : 0 }
        }
        let again = try await SQLStore.open(folder)
        #expect(try await again.entries(in: inbox, of: ann.id).changed.count == 3 + outcomes)
        #expect(try await again.verify().findings == [])
    }
}
