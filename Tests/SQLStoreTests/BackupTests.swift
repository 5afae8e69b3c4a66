import CacheMemory
import Glibc
import MailModel
import MailPorts
import NIOCore
import SQLStore
import Testing

@Suite("Store: backup and restore") struct BackupTests {
    private let folder = TemporaryFolder()
    private let target = TemporaryFolder()
    private let place = TemporaryFolder()
    private let clock = TestClock()
    private var file: String { place.path + "/backup.tar" }

    private func write(_ text: String, to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    private func read(_ path: String) -> [UInt8] {
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var status = stat()
        fstat(file, &status)
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        _ = Glibc.read(file, &bytes, bytes.count)
        return bytes
    }

    private func backedUp() async throws -> (test: StoreUnderTest, ann: Account) {
        let feed = MemoryChangeFeed()
        let test = StoreUnderTest(
            store: try await SQLStore.open(folder, feed: feed, clock: clock),
            feed: feed,
            clock: clock,
            folder: folder
        )
        let ann = try await test.account("ann@shop.test")
        for bytes in [Octets.text(100), Octets.text(40_000), Octets.text(100_000), Octets.noise(100_000)] {
            try await test.deliver(bytes, to: [ann])
        }
        for part in ["keys", "tls", "spool"] { mkdir("\(folder.path)/\(part)", 0o700) }
        write("the key", to: folder.path + "/keys/master.key")
        write("the certificate", to: folder.path + "/tls/certificate.pem")
        write("half a message", to: folder.path + "/spool/1")
        try await test.store.backup(toFile: file)
        return (test, ann)
    }

    private func restoreFault(_ path: String, _ folder: String) async -> String? {
        do {
            try await SQLStore.restore(fromFile: path, toFolder: folder)
            return nil
        } catch {
            guard case .refused(let text) = error else { return "\(error)" }
            return text
        }
    }

    @Test func everythingComesBack() async throws {
        let (test, ann) = try await backedUp()
        var status = stat()
        #expect(stat(file, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(place.files() == ["backup.tar"])
        // What comes after the backup is not in it, and does not disturb it.
        try await test.deliver(Octets.text(5), to: [ann])
        try await test.store.backup(toFile: place.path + "/second.tar")
        for part in ["blobs", "spool", "keys", "tls"] { mkdir("\(target.path)/\(part)", 0o700) }
        write("", to: target.path + "/serving.lock")
        try await SQLStore.restore(fromFile: file, toFolder: target.path)
        #expect(read(target.path + "/keys/master.key") == Array("the key".utf8))
        #expect(read(target.path + "/tls/certificate.pem") == Array("the certificate".utf8))
        #expect(stat(target.path + "/keys/master.key", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(!target.files().contains { $0.hasPrefix("spool/") || $0.contains("restoring") })

        let restored = try await SQLStore.open(target)
        #expect(try await restored.verify().findings == [])
        let entries = try await restored.entries(in: inbox, of: ann.id).changed
        #expect(entries.map(\.size) == [100, 40_000, 100_000, 100_000])
        #expect(
            try await restored.read(entries[2].email, of: ann.id, range: 0..<Int.max).octets == Octets.text(100_000)
        )
        #expect(
            try await restored.read(entries[3].email, of: ann.id, range: 0..<Int.max).octets == Octets.noise(100_000)
        )
        #expect(try await restored.credential(for: ann.primaryAddress) != nil)
        await restored.close()
        #expect(try #require(await restoreFault(file, target.path)).contains("empty"))
    }

    @Test func itIsMadeWhileOthersWrite() async throws {
        let (test, ann) = try await backedUp()
        let file = place.path + "/hot.tar"
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    try await test.deliver(Octets.text(number % 10 == 0 ? 70_000 + number : 100), to: [ann])
                }
            }
            group.addTask { try await test.store.backup(toFile: file) }
            try await group.waitForAll()
        }
        try await SQLStore.restore(fromFile: file, toFolder: target.path)
        let restored = try await SQLStore.open(target)
        #expect(try await restored.verify().findings == [])
        #expect(try await restored.entries(in: inbox, of: ann.id).changed.count >= 4)
    }

    @Test func noSweepRunsMeanwhile() async throws {
        let (test, _) = try await backedUp()
        let lock = open(folder.path + "/maintenance.lock", O_RDWR)
        #expect(flock(lock, LOCK_SH | LOCK_NB) == 0)
        // Another process makes a backup.
        for path in folder.files(below: "blobs") { #expect(access("\(folder.path)/\(path)", F_OK) == 0) }
        try await test.store.resetAccount(AccountID(1))
        let late = Timestamp(seconds: Int64(time(nil)) + 7_200)
        #expect(try await test.store.sweepBlobs(graceSeconds: 60, now: late) == 0)
        // Not by closing alone: a process that another test has just started may hold the descriptor for a moment.
        #expect(flock(lock, LOCK_UN) == 0)
        close(lock)
        #expect(try await test.store.sweepBlobs(graceSeconds: 60, now: late) == 2)
    }

    @Test func anythingElseIsRefusedAndLeavesNothing() async throws {
        _ = try await backedUp()
        let whole = read(file)
        var broken: [(String, [UInt8])] = [
            ("empty", []), ("text", Octets.text(2_000)), ("zeros", [UInt8](repeating: 0, count: 4_096)),
            ("half", Array(whole[..<(whole.count / 2)])), ("no manifest", Array(whole[..<(whole.count - 4_096)])),
        ]
        for place in stride(from: 100, to: whole.count - 1_500, by: whole.count / 23) {
            var changed = whole
            changed[place] ^= 0x20
            broken.append(("octet \(place)", changed))
        }
        for (name, bytes) in broken {
            let path = place.path + "/broken.tar"
            unlink(path)
            let made = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
            #expect(Glibc.write(made, bytes, bytes.count) == bytes.count)
            close(made)
            let fault = await restoreFault(path, target.path)
            #expect(fault != nil, "\(name)")
            #expect(target.files() == [], "\(name)")
            #expect(TemporaryFolder.names(in: target.path) == ["blobs"], "\(name)")
        }
        let absent = place.path + "/new-folder"
        #expect(await restoreFault(place.path + "/missing.tar", absent) != nil)
        #expect(access(absent, F_OK) != 0)
        #expect(await restoreFault(file, absent) == nil)
        #expect(access(absent + "/oonrumail.sqlite", F_OK) == 0)
        TemporaryFolder.removeTree(absent)
        // A folder with anything in it is left alone.
        write("x", to: target.path + "/blobs/x")
        #expect(try #require(await restoreFault(file, target.path)).contains("empty"))
        #expect(target.files() == ["blobs/x"])
    }

    @Test func otherProgramsReadIt() async throws {
        _ = try await backedUp()
        let listed = popen("tar tf '\(file)' 2>&1", "r")
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while let listed {
            let count = fread(&buffer, 1, buffer.count, listed)
            if count == 0 { break }
            text += buffer[..<count]
        }
        #expect(listed.map { pclose($0) } == 0)
        let names = text.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
        #expect(names.first == "oonrumail.sqlite")
        #expect(names.last == "MANIFEST")
        #expect(names.contains("keys/master.key"))
        #expect(names.count == 6)
    }

    @Test func aPlaceThatCannotBeWrittenIsNamed() async throws {
        let (test, _) = try await backedUp()
        do {
            try await test.store.backup(toFile: "/nowhere/at/all.tar")
            Issue.record("written")
        } catch {
            guard case StoreError.refused(let text) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(text.contains("/nowhere/at/all.tar"))
        }
    }
}
