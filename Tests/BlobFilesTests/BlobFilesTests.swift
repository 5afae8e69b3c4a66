import BlobFiles
import Glibc
import Logging
import MailCrypto
import MailModel
import MailPorts
import NIOCore
import NIOPosix
import Testing

@Suite("Port: BlobStore, files") final class BlobFilesTests: Sendable {
    private let folder: String
    private let blobs: BlobFiles

    init() {
        var template = Array("/tmp/blob-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { preconditionFailure("no temporary folder") }
        folder = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        blobs = BlobFiles(folder: folder, threads: .singleton, logger: logger)
    }

    deinit { Self.removeTree(folder) }

    private static func removeTree(_ path: String) {
        for name in names(path) where unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
        rmdir(path)
    }

    private static func names(_ path: String) -> [String] {
        guard let handle = opendir(path) else { return [] }
        defer { closedir(handle) }
        var found: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { found.append(name) }
        }
        return found
    }

    private static func text(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(97 + $0 / 7 % 26) } }
    private static func noise(_ count: Int) -> [UInt8] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }

    private func hash(_ bytes: [UInt8]) throws -> BlobHash { try #require(BlobHash(bytes: SHA256.hash(bytes))) }

    private func put(_ bytes: [UInt8]) async throws -> BlobHash {
        let hash = try self.hash(bytes)
        try await blobs.put(.memory(ByteBuffer(bytes: bytes)), hash: hash)
        return hash
    }

    private func place(_ hash: BlobHash) -> String? {
        let name = hash.description
        let plain = "\(folder)/\(name.prefix(2))/\(name.dropFirst(2).prefix(2))/\(name)"
        return [plain, plain + ".z"].first { access($0, F_OK) == 0 }
    }

    private var future: Timestamp { Timestamp(seconds: Int64(time(nil)) + 60) }

    @Test(arguments: [1, 65_535, 65_536, 65_537, 300_000, 4_194_304, 4_194_305]) func everyRangeComesBack(
        _ size: Int
    ) async throws {
        for bytes in [Self.text(size), Self.noise(size)] {
            let hash = try await put(bytes)
            #expect(try await blobs.read(hash, range: 0..<Int.max).readableBytesView.elementsEqual(bytes))
            for lower in [0, 1, 65_535, 65_536, 65_537, 131_072, size - 1, size] where lower <= size {
                for length in [0, 1, 2, 65_536, 70_000] {
                    let part = try await blobs.read(hash, range: lower..<(lower + length))
                    #expect(part.readableBytesView.elementsEqual(bytes[lower..<min(size, lower + length)]))
                }
            }
            #expect(try await blobs.read(hash, range: (size + 1)..<(size + 9)).readableBytes == 0)
            try await blobs.verify(hash)
        }
    }

    @Test func whatShrinksIsCompressedAndPrivate() async throws {
        let text = try await put(Self.text(200_000))
        let noise = try await put(Self.noise(200_000))
        let packed = try #require(place(text))
        #expect(packed.hasSuffix(".z"))
        #expect(place(noise)?.hasSuffix(".z") == false)
        var status = stat()
        #expect(stat(packed, &status) == 0)
        #expect(status.st_size < 20_000)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func whatIsMissingIsNotFound() async throws {
        let hash = try self.hash([1])
        await #expect(throws: StoreError.notFound) { _ = try await self.blobs.read(hash, range: 0..<1) }
        await #expect(throws: StoreError.notFound) { try await self.blobs.verify(hash) }
        await #expect(throws: StoreError.notFound) { try await self.blobs.remove(hash) }
        #expect(try await blobs.remove(hash, ifPutBefore: future) == false)
    }

    @Test func damageIsNoticed() async throws {
        for bytes in [Self.text(200_000), Self.noise(200_000)] {
            let hash = try await put(bytes)
            let path = try #require(place(hash))
            let descriptor = open(path, O_RDWR)
            var octet: UInt8 = 0
            pread(descriptor, &octet, 1, 900)
            octet ^= 0x55
            #expect(pwrite(descriptor, &octet, 1, 900) == 1)
            close(descriptor)
            do {
                try await blobs.verify(hash)
                Issue.record("damage was not noticed")
            } catch {
                guard case .damaged = error else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
    }

    @Test func aTruncatedBlobIsWrittenAnew() async throws {
        for bytes in [Self.text(200_000), Self.noise(200_000)] {
            let hash = try await put(bytes)
            let file = try #require(place(hash))
            #expect(truncate(file, 5) == 0)
            _ = try await put(bytes)
            try await blobs.verify(hash)
        }
    }

    @Test func theSweepSparesWhatWasPutAgain() async throws {
        let hash = try await put(Self.noise(70_000))
        let path = try #require(place(hash))
        var old = [timeval(tv_sec: 1_000, tv_usec: 0), timeval(tv_sec: 1_000, tv_usec: 0)]
        #expect(utimes(path, &old) == 0)
        let moment = Timestamp(seconds: 2_000)
        #expect(try await blobs.list(after: nil, limit: 10, olderThan: moment) == [hash])
        _ = try await put(Self.noise(70_000))
        #expect(try await blobs.remove(hash, ifPutBefore: moment) == false)
        try await blobs.verify(hash)
        #expect(utimes(path, &old) == 0)
        #expect(try await blobs.remove(hash, ifPutBefore: moment))
        await #expect(throws: StoreError.notFound) { try await self.blobs.verify(hash) }
    }

    /// Puts and sweeps of the same bytes at once: what was put last is there.
    @Test func putsAndSweepsAtOnce() async throws {
        let bytes = Self.noise(66_000)
        let hash = try self.hash(bytes)
        let blobs = self.blobs
        let hourAgo = Timestamp(seconds: Int64(time(nil)) - 3_600)
        _ = try await put(bytes)
        for _ in 0..<100 {
            if let place = place(hash) {
                var old = [timeval(tv_sec: 1_000, tv_usec: 0), timeval(tv_sec: 1_000, tv_usec: 0)]
                utimes(place, &old)
            }
            async let sweep = blobs.remove(hash, ifPutBefore: hourAgo)
            _ = try await put(bytes)
            _ = try await sweep
            #expect(try await blobs.read(hash, range: 0..<10).readableBytesView.elementsEqual(bytes[..<10]))
        }
    }

    @Test func listingIsPagedAndTidies() async throws {
        var hashes: [BlobHash] = []
        for number in 1...30 { hashes.append(try await put(Self.noise(number))) }
        hashes.sort { $0.description < $1.description }
        let leftover =
            "\(folder)/\(hashes[0].description.prefix(2))/\(hashes[0].description.dropFirst(2).prefix(2))/x.1.new"
        close(open(leftover, O_CREAT | O_WRONLY, 0o600))
        var found: [BlobHash] = []
        while true {
            let page = try await blobs.list(after: found.last, limit: 7, olderThan: future)
            if page.isEmpty { break }
            found += page
        }
        #expect(found == hashes)
        #expect(access(leftover, F_OK) != 0)
        #expect(try await blobs.list(after: nil, limit: 7, olderThan: Timestamp(seconds: 1_000)).isEmpty)
    }

    @Test func aShortSpoolFileIsRefused() async throws {
        let file = "\(folder)/spool"
        close(open(file, O_CREAT | O_WRONLY, 0o600))
        for size in [10, 5 << 20] {
            await #expect(throws: StoreError.self) {
                try await self.blobs.put(.file(path: file, size: size), hash: try self.hash([1]))
            }
        }
        await #expect(throws: StoreError.notFound) { try await self.blobs.verify(try self.hash([1])) }
    }
}
