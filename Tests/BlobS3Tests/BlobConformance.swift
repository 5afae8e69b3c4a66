import BackendTesting
import BlobFiles
import BlobS3
import Glibc
import Logging
import MailCrypto
import MailModel
import MailPorts
import NIOCore
import NIOPosix
import Synchronization
import Testing

final class SetClock: WallClock {
    private let moment = Mutex(Timestamp(seconds: Int64(time(nil))))
    func now() -> Timestamp { moment.withLock { $0 } }
    func advance(seconds: Int64) { moment.withLock { $0 = $0.adding(seconds: seconds) } }
}

let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()

func noise(_ count: Int, _ seed: UInt64 = 1) -> [UInt8] {
    var state: UInt64 = 88_172_645_463_325_252 &* (seed | 1)
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

func hash(_ bytes: [UInt8]) throws -> BlobHash { try #require(BlobHash(bytes: SHA256.hash(bytes))) }

extension BlobStore {
    func put(_ bytes: [UInt8]) async throws -> BlobHash {
        let name = try hash(bytes)
        try await put(.memory(ByteBuffer(bytes: bytes)), hash: name)
        return name
    }

    func bytes(_ hash: BlobHash, _ range: Range<Int> = 0..<Int.max) async throws(StoreError) -> [UInt8] {
        Array(try await read(hash, range: range).readableBytesView)
    }
}

func options(_ server: LoopbackServer) -> S3Options {
    var options = S3Options(
        endpoint: "http://127.0.0.1:\(server.port)",
        bucket: S3Servers.bucket,
        accessKeyID: S3Servers.accessKeyID,
        secretAccessKey: S3Servers.secretAccessKey
    )
    options.partSize = 5 << 20
    options.firstRetry = .milliseconds(20)
    options.connectTimeout = .seconds(2)
    return options
}

func store(_ options: S3Options, _ clock: any WallClock) -> BlobS3 {
    BlobS3(
        options,
        group: .singletonMultiThreadedEventLoopGroup,
        threads: .singleton,
        clock: clock,
        logger: quiet
    )
}

/// Closes the store's connections when a test ends, however it ends.
final class Closing: Sendable {
    let store: BlobS3
    init(_ store: BlobS3) { self.store = store }
    deinit {
        let store = self.store
        Task { await store.close() }
    }
}

/// What every blob store does.
///
/// - Parameter later: a moment by which what is put now counts as old.
func checkBlobs(_ blobs: any BlobStore, later: Timestamp) async throws {
    for size in [1, 65_537, 3_000_000, 11 << 20] {
        let bytes = noise(size)
        let name = try await blobs.put(bytes)
        #expect(try await blobs.bytes(name) == bytes)
        for lower in [0, 1, 65_536, size - 1, size] where lower <= size {
            for length in [0, 1, 70_000] {
                let part = try await blobs.bytes(name, lower..<(lower + length))
                #expect(part == Array(bytes[lower..<min(size, lower + length)]))
            }
        }
        #expect(try await blobs.bytes(name, 0..<size) == bytes)
        #expect(try await blobs.bytes(name, (size + 1)..<(size + 9)).isEmpty)
        try await blobs.verify(name)
        // Once more costs nothing and changes nothing.
        _ = try await blobs.put(bytes)
        try await blobs.verify(name)
        try await blobs.remove(name)
        await #expect(throws: StoreError.notFound) { try await blobs.verify(name) }
        await #expect(throws: StoreError.notFound) { _ = try await blobs.bytes(name, 0..<1) }
        await #expect(throws: StoreError.notFound) { _ = try await blobs.bytes(name, 0..<0) }
        await #expect(throws: StoreError.notFound) { try await blobs.remove(name) }
        #expect(try await blobs.remove(name, ifPutBefore: later) == false)
    }

    var names: [BlobHash] = []
    for number in 1...30 { names.append(try await blobs.put(noise(number))) }
    names.sort { $0.description < $1.description }
    var found: [BlobHash] = []
    while true {
        let page = try await blobs.list(after: found.last, limit: 7, olderThan: later)
        if page.isEmpty { break }
        found += page
    }
    #expect(found == names)
    #expect(try await blobs.list(after: nil, limit: 7, olderThan: Timestamp(seconds: 1_000)).isEmpty)
    #expect(try await blobs.remove(names[0], ifPutBefore: Timestamp(seconds: 1_000)) == false)
    try await blobs.verify(names[0])
    #expect(try await blobs.remove(names[0], ifPutBefore: later))
    #expect(try await blobs.list(after: nil, limit: 100, olderThan: later) == Array(names.dropFirst()))
}

/// From spool files, whole and short, small and in parts.
func checkSpoolFiles(_ blobs: any BlobStore) async throws {
    let file = "/tmp/blob-spool.\(getpid()).\(UInt64.random(in: 0 ... .max))"
    defer { unlink(file) }
    for size in [10, 13 << 20] {
        let bytes = noise(size, 7)
        let descriptor = open(file, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        try #require(write(descriptor, bytes, size) == size)
        close(descriptor)
        let name = try hash(bytes)
        await #expect(throws: StoreError.self) {
            try await blobs.put(.file(path: file, size: size + (6 << 20)), hash: try hash([1]))
        }
        await #expect(throws: StoreError.notFound) { try await blobs.verify(try hash([1])) }
        try await blobs.put(.file(path: file, size: size), hash: name)
        #expect(try await blobs.bytes(name) == bytes)
    }
    await #expect(throws: StoreError.self) {
        try await blobs.put(.file(path: "/nowhere", size: 1), hash: try hash([2]))
    }
}

@Suite("Port: BlobStore, both") struct BlobConformance {
    @Test func files() async throws {
        var template = Array("/tmp/blob-test.XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { _ = try? LoopbackServer.run("rm -rf -- \"$1\"", [folder]) }
        let blobs = BlobFiles(folder: folder, threads: .singleton, logger: quiet)
        try await checkBlobs(blobs, later: Timestamp(seconds: Int64(time(nil)) + 600))
        try await checkSpoolFiles(blobs)
    }

    @Test(
        .enabled(if: !S3Servers.installed.isEmpty, "\(S3Servers.absence)"),
        arguments: S3Servers.installed
    )
    func s3(kind: S3Servers.Kind) async throws {
        let server = try S3Servers.make(kind)
        if kind == .moto { try LoopbackServer.run("curl -s -X PUT \"$1\"", ["http://127.0.0.1:\(server.port)/mail"]) }
        let clock = SetClock()
        let blobs = Closing(store(options(server), clock))
        try await blobs.store.checkHealth()
        try await checkBlobs(blobs.store, later: clock.now().adding(seconds: 3 * 86_400))
        try await checkSpoolFiles(blobs.store)
    }
}
