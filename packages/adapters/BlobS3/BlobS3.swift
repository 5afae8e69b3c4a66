import AsyncHTTPClient
package import Logging
import MailCrypto
package import MailModel
package import MailPorts
package import NIOCore
import NIOHTTP1
package import NIOPosix
import Synchronization

/// Blobs as objects of a bucket that any number of processes share.
///
/// An object appears whole or not at all; large ones go in parts, and what fails half-way is given up.
package final class BlobS3: BlobStore {
    let client: S3Client
    let threads: NIOThreadPool
    private let http: HTTPClient
    private let logger: Logger
    private let clock: any WallClock
    /// The day under whose name a blob was last seen.
    private let known = Mutex<[BlobHash: BlobName]>([:])
    private let isAway = Mutex(false)

    var options: S3Options { client.options }

    package init(
        _ options: S3Options,
        group: any EventLoopGroup,
        threads: NIOThreadPool,
        clock: any WallClock,
        logger: Logger
    ) {
        http = HTTPClient(eventLoopGroup: group, configuration: options.configuration)
        client = S3Client(options, http, clock: clock)
        self.threads = threads
        self.clock = clock
        self.logger = logger
    }

    /// Ends the connections.
    package func close() async { try? await http.shutdown() }

    deinit {
        // The client must be told before it goes; once more does no harm.
        let http = self.http
        Task { try? await http.shutdown() }
    }

    /// Whether the bucket answers.
    package func checkHealth() async throws(StoreError) {
        try await reported { () throws(S3Fault) -> Void in
            _ = try good(
                await client.send(.GET, "", query: [.init("list-type", "2"), .init("max-keys", "1")])
            )
        }
    }

    // MARK: - Port

    package func put(_ bytes: SpooledBytes, hash: BlobHash) async throws(StoreError) {
        let name = BlobName(hash, putAt: clock.now(), dayLength: options.dayLength)
        try await reported { () throws(S3Fault) -> Void in
            let present = try await names(of: hash)
            if present.contains(name), try await size(of: name) == bytes.size {
                remember(name)
                return
            }
            try await upload(bytes, name)
            remember(name)
            // The day's object has the same content; who still knows the older name asks anew.
            for old in present where old.day < name.day { _ = try? await client.send(.DELETE, old.text) }
        }
    }

    package func read(_ hash: BlobHash, range: Range<Int>) async throws(StoreError) -> ByteBuffer {
        try await reported { () throws(S3Fault) -> ByteBuffer in
            guard range.count <= options.maximumRead || range.upperBound == .max else {
                throw .failed("a read of \(range.count) octets")
            }
            return try await located(hash) { name throws(S3Fault) -> ByteBuffer? in
                if range.isEmpty {
                    guard try await size(of: name) != nil else { return nil }
                    return ByteBuffer()
                }
                return try await part(of: name, range)
            }
        }
    }

    package func verify(_ hash: BlobHash) async throws(StoreError) {
        try await reported { () throws(S3Fault) -> Void in
            try await located(hash) { name throws(S3Fault) -> Void? in
                var digest = IncrementalSHA256()
                let status = try await client.stream(name.text) { piece in
                    piece.withUnsafeReadableBytes { digest.update($0) }
                }
                if status == 404 { return nil }
                guard status == 200 else { throw .failed("status \(status)") }
                guard digest.finish() == hash.bytes else { throw .damaged(name.text) }
                return ()
            }
        }
    }

    package func remove(_ hash: BlobHash) async throws(StoreError) {
        try await reported { () throws(S3Fault) -> Void in
            let present = try await names(of: hash)
            guard !present.isEmpty else { throw .missing }
            for name in present { try await delete(name) }
        }
    }

    package func remove(_ hash: BlobHash, ifPutBefore moment: Timestamp) async throws(StoreError) -> Bool {
        try await reported { () throws(S3Fault) -> Bool in
            let present = try await names(of: hash)
            for name in present where name.isOver(at: moment, dayLength: options.dayLength) { try await delete(name) }
            return !present.isEmpty && present.allSatisfy { $0.isOver(at: moment, dayLength: options.dayLength) }
        }
    }

    package func list(after: BlobHash?, limit: Int, olderThan: Timestamp) async throws(StoreError) -> [BlobHash] {
        try await reported { () throws(S3Fault) -> [BlobHash] in
            var found: [BlobHash] = []
            var place = after.map { BlobName.start(of: $0) + "~" } ?? ""
            while found.count < limit {
                let page = try await page(after: place)
                // The last hash of a page may go on in the next one.
                let groups = page.names.reduce(into: [(hash: BlobHash, newest: BlobName)]()) { groups, name in
                    if groups.last?.hash == name.hash { groups.removeLast() }
                    groups.append((name.hash, name))
                }
                let whole = page.isLast || groups.count < 2 ? groups[...] : groups.dropLast()
                for group in whole where group.newest.isOver(at: olderThan, dayLength: options.dayLength) {
                    guard found.count < limit else { break }
                    found.append(group.hash)
                }
                guard !page.isLast, let last = whole.last else { break }
                place = BlobName.start(of: last.hash) + "~"
            }
            return found
        }
    }

    // MARK: - Objects

    /// Every name that the blob has now, oldest first.
    private func names(of hash: BlobHash) async throws(S3Fault) -> [BlobName] {
        let found = try await page(after: "", prefix: BlobName.start(of: hash) + "-").names
        return found.filter { $0.hash == hash }.sorted { $0.day < $1.day }
    }

    /// A page of names in ascending order.
    private func page(
        after: String,
        prefix: String = ""
    ) async throws(S3Fault) -> (names: [BlobName], isLast: Bool) {
        var query: [S3Signature.Field] = [
            .init("list-type", "2"), .init("prefix", options.prefix + prefix), .init("max-keys", "1000"),
        ]
        if !after.isEmpty { query.append(.init("start-after", options.prefix + after)) }
        let body = try good(await client.send(.GET, "", query: query)).bytes
        let keys = S3Text.values(of: "Key", in: body)
        let names = keys.compactMap { key in
            key.utf8.starts(with: options.prefix.utf8) ? BlobName(String(key.dropFirst(options.prefix.count))) : nil
        }.filter { after.isEmpty || Array(after.utf8).lexicographicallyPrecedes(Array($0.text.utf8)) }
        let isLast = S3Text.value(of: "IsTruncated", in: body) != "true"
        guard isLast || !names.isEmpty else { throw .failed("a page of the bucket holds nothing of ours") }
        return (names, isLast)
    }

    /// Asks under the name last known, and under the newest if it is there no more; nil stands for "not there".
    private func located<Value>(
        _ hash: BlobHash,
        _ body: (BlobName) async throws(S3Fault) -> Value?
    ) async throws(S3Fault) -> Value {
        if let name = known.withLock({ $0[hash] }), let value = try await body(name) { return value }
        // It may move to another day's name between the two questions.
        for _ in 0..<3 {
            guard let name = try await names(of: hash).last else { throw .missing }
            guard let value = try await body(name) else { continue }
            remember(name)
            return value
        }
        throw .missing
    }

    private func remember(_ name: BlobName) {
        known.withLock { known in
            if known.count >= options.maximumKnown { known = [:] }
            known[name.hash] = name
        }
    }

    private func part(of name: BlobName, _ range: Range<Int>) async throws(S3Fault) -> ByteBuffer? {
        let isWhole = range == 0..<Int.max
        let end = range.upperBound == .max ? "" : "\(range.upperBound - 1)"
        let answer = try await client.send(
            .GET,
            name.text,
            fields: isWhole ? [] : [.init("range", "bytes=\(range.lowerBound)-\(end)")],
            maximumAnswer: options.maximumRead
        )
        switch answer.status {
        case 404: return nil
        // Beyond the end.
        case 416: return ByteBuffer()
        default: ()
        }
        var content = try good(answer).body
        // RFC 9110 §14.4: where the part lies. Some servers tell it with a status of 200.
        let place = answer.fields.first(name: "content-range").flatMap { S3Text.range($0) }
        if let place, place.start != range.lowerBound || place.length != content.readableBytes {
            throw .failed("another part than the one asked for")
        }
        if place.map({ $0.length == $0.total }) ?? (answer.status == 200) {
            guard content.withUnsafeReadableBytes({ SHA256.hash($0) }) == name.hash.bytes else {
                throw .damaged(name.text)
            }
        }
        if place == nil, !isWhole {
            // The server knows no ranges.
            let part = range.clamped(to: 0..<content.readableBytes)
            return content.getSlice(at: content.readerIndex + part.lowerBound, length: part.count)
        }
        content.discardReadBytes()
        return content
    }

    private func size(of name: BlobName) async throws(S3Fault) -> Int? {
        let answer = try await client.send(.HEAD, name.text)
        if answer.status == 404 { return nil }
        return try good(answer).fields.first(name: "content-length").flatMap { Int($0) }
    }

    private func delete(_ name: BlobName) async throws(S3Fault) {
        known.withLock { $0[name.hash] = nil }
        let answer = try await client.send(.DELETE, name.text)
        if answer.status != 404 { _ = try good(answer) }
    }

    func good(_ answer: S3Answer) throws(S3Fault) -> S3Answer {
        // A long answer of 200 may turn out to be an error at its end.
        let code =
            answer.fields.first(name: "content-type")?.contains("xml") == true || answer.status >= 300
            ? S3Text.value(of: "Code", in: Array(answer.bytes.prefix(4_096))) : nil
        guard (200..<300).contains(answer.status), code == nil else {
            throw .failed("status \(answer.status) \(code ?? "")")
        }
        return answer
    }

    // MARK: - Faults

    private func reported<Value: Sendable>(
        _ work: () async throws(S3Fault) -> Value
    ) async throws(StoreError) -> Value {
        do throws(S3Fault) {
            let value = try await traced("s3 request", kind: .client) { () async throws(S3Fault) in try await work() }
            noteAnswer(away: false, "")
            return value
        } catch {
            switch error {
            case .missing: throw .notFound
            case .damaged(let cause): throw .damaged(reportID: report("a blob is damaged", cause))
            case .local(let cause):
                throw .unavailable(reportID: report("a blob cannot be taken", cause))
            case .failed(let cause):
                noteAnswer(away: true, cause)
                throw .unavailable(reportID: report("a blob cannot be reached", cause))
            }
        }
    }

    private func noteAnswer(away: Bool, _ cause: String) {
        let changed = isAway.withLock { isAway in
            defer { isAway = away }
            return isAway != away
        }
        guard changed else { return }
        if away {
            logger.error("S3 is away", metadata: ["s3": "\(options)", "cause": "\(cause)"])
        } else {
            logger.notice("S3 is back", metadata: ["s3": "\(options)"])
        }
    }

    private func report(_ message: String, _ cause: String) -> String {
        let id = "s" + String(UInt64.random(in: 0 ... .max), radix: 36)
        logger.warning("\(message)", metadata: ["report": "\(id)", "cause": "\(cause)"])
        return id
    }
}
