import BackendTesting
import BlobS3
import MailModel
import MailPorts
import NIOCore
import NIOPosix
import Testing

@Suite("S3: away, damaged, swept", .enabled(if: S3Servers.installed.contains(.rclone), "rclone is not installed"))
struct S3FaultTests {
    private func isUnavailable(_ work: () async throws(StoreError) -> Void) async -> Bool {
        do throws(StoreError) {
            try await work()
            return false
        } catch {
            if case .unavailable = error { return true }
            return false
        }
    }

    private func isDamaged(_ work: () async throws(StoreError) -> Void) async -> Bool {
        do throws(StoreError) {
            try await work()
            return false
        } catch {
            if case .damaged = error { return true }
            return false
        }
    }

    @Test func awayAndBack() async throws {
        let server = try S3Servers.make(.rclone)
        let blobs = Closing(store(options(server), SetClock()))
        let name = try await blobs.store.put(noise(100_000))
        server.crash()
        #expect(await isUnavailable { () throws(StoreError) in _ = try await blobs.store.bytes(name) })
        #expect(await isUnavailable { () throws(StoreError) in try await blobs.store.checkHealth() })
        #expect(
            await isUnavailable { () throws(StoreError) in
                try await blobs.store.put(.memory(ByteBuffer(bytes: [1])), hash: name)
            }
        )
        try server.start()
        #expect(try await blobs.store.bytes(name) == noise(100_000))
    }

    @Test func aWrongKeyIsNotToldToClients() async throws {
        let server = try S3Servers.make(.rclone)
        var wrong = options(server)
        wrong.secretAccessKey = "not-the-secret"
        let blobs = Closing(store(wrong, SetClock()))
        #expect(await isUnavailable { () throws(StoreError) in try await blobs.store.checkHealth() })
        #expect(!"\(wrong)".contains("not-the-secret"))
    }

    @Test func damageIsNoticed() async throws {
        let server = try S3Servers.make(.rclone)
        let blobs = Closing(store(options(server), SetClock()))
        let name = try await blobs.store.put(noise(5_000))
        try LoopbackServer.run(
            "f=$(find \"$1\" -name \"$2-*\"); printf X | dd of=\"$f\" bs=1 seek=100 conv=notrunc status=none",
            [server.folder, name.description]
        )
        #expect(await isDamaged { () throws(StoreError) in try await blobs.store.verify(name) })
        #expect(await isDamaged { () throws(StoreError) in _ = try await blobs.store.bytes(name) })
        #expect(await isDamaged { () throws(StoreError) in _ = try await blobs.store.bytes(name, 0..<5_000) })
    }

    /// A sweep that has seen the blob as old does not take the one that is put meanwhile.
    @Test func theSweepSparesWhatWasPutAgain() async throws {
        let server = try S3Servers.make(.rclone)
        let clock = SetClock()
        // Short days: a signature may not be older than a quarter of an hour.
        var days = options(server)
        days.dayLength = 60
        let blobs = Closing(store(days, clock))
        let other = Closing(store(days, clock))
        let name = try await blobs.store.put(noise(5_000))
        clock.advance(seconds: 180)
        let moment = clock.now().adding(seconds: -60)
        #expect(try await blobs.store.list(after: nil, limit: 10, olderThan: moment) == [name])
        _ = try await other.store.put(noise(5_000))
        #expect(try await blobs.store.remove(name, ifPutBefore: moment) == false)
        #expect(try await blobs.store.list(after: nil, limit: 10, olderThan: moment).isEmpty)
        // The place that this process knew is gone; it finds the new one.
        #expect(try await blobs.store.bytes(name) == noise(5_000))
        clock.advance(seconds: 180)
        #expect(try await blobs.store.remove(name, ifPutBefore: clock.now()))
        await #expect(throws: StoreError.notFound) { try await other.store.verify(name) }
    }

    /// The server dies between parts: nothing of the blob is there, and what was begun is in nobody's way.
    @Test func halfAnUploadIsNothing() async throws {
        let server = try S3Servers.make(.rclone)
        let blobs = Closing(store(options(server), SetClock()))
        let large = noise(64 << 20)
        let name = try hash(large)
        async let put = isUnavailable { () throws(StoreError) in
            try await blobs.store.put(.memory(ByteBuffer(bytes: large)), hash: name)
        }
        try LoopbackServer.run(
            """
            n=0
            until grep -q 'initiate multipart upload' "$1/log"; do
                n=$((n + 1)); [ $n -lt 2000 ] || { echo "no upload began"; exit 1; }
                sleep 0.01
            done
            """,
            [server.folder]
        )
        server.crash()
        #expect(await put)
        try server.start()
        await #expect(throws: StoreError.notFound) { try await blobs.store.verify(try hash(large)) }
        #expect(try await blobs.store.put(large) == hash(large))
        try await blobs.store.verify(try hash(large))
    }
}
