package import Logging
package import MailModel
package import MailPorts
package import NIOCore
package import NIOPosix

/// Blobs as files, `aa/bb/<hash>`: written beside, synced, renamed, and their folder synced.
///
/// A compressed blob has the suffix `.z` and the form of `ChunkedDeflate`.
package struct BlobFiles: BlobStore {
    private let folder: String
    private let threads: NIOThreadPool
    private let logger: Logger
    /// Largest blob that is compressed: larger ones are attachments that hardly shrink.
    package static let compressionLimit = 4 << 20

    package init(folder: String, threads: NIOThreadPool, logger: Logger) {
        self.folder = folder
        self.threads = threads
        self.logger = logger
    }

    /// Runs blocking work on the pool.
    private func run<Value: Sendable>(
        _ work: @escaping @Sendable () -> Result<Value, BlobFault>
    ) async throws(StoreError) -> Value {
        let result: Result<Value, BlobFault>
        do {
            result = try await threads.runIfActive(work)
        } catch {
            result = .failure(.failed("the thread pool is closed"))
        }
        switch result {
        case .success(let value): return value
        case .failure(.missing): throw .notFound
        case .failure(.failed(let cause)): throw .unavailable(reportID: report("a blob cannot be reached", cause))
        case .failure(.damaged(let cause)): throw .damaged(reportID: report("a blob is damaged", cause))
        }
    }

    private func report(_ message: String, _ cause: String) -> String {
        let id = "b" + String(UInt64.random(in: 0 ... .max), radix: 36)
        logger.error("\(message)", metadata: ["report": "\(id)", "cause": "\(cause)"])
        return id
    }

    package func put(_ bytes: SpooledBytes, hash: BlobHash) async throws(StoreError) {
        let file = BlobFile(folder: folder, hash: hash)
        try await run {
            switch bytes {
            case .memory(let buffer): file.write(Array(buffer.readableBytesView))
            case .file(let path, let size): file.write(copying: path, size: size)
            }
        }
    }

    package func read(_ hash: BlobHash, range: Range<Int>) async throws(StoreError) -> ByteBuffer {
        let file = BlobFile(folder: folder, hash: hash)
        return try await run { file.read(range).map { ByteBuffer(bytes: $0) } }
    }

    package func verify(_ hash: BlobHash) async throws(StoreError) {
        let file = BlobFile(folder: folder, hash: hash)
        try await run { file.verify() }
    }

    package func remove(_ hash: BlobHash) async throws(StoreError) {
        let file = BlobFile(folder: folder, hash: hash)
        try await run { file.remove() }
    }

    package func remove(_ hash: BlobHash, ifPutBefore moment: Timestamp) async throws(StoreError) -> Bool {
        let file = BlobFile(folder: folder, hash: hash)
        return try await run { file.remove(ifPutBefore: moment.seconds) }
    }

    package func list(after: BlobHash?, limit: Int, olderThan: Timestamp) async throws(StoreError) -> [BlobHash] {
        let folder = self.folder
        return try await run {
            .success(BlobListing.hashes(in: folder, after: after?.description, limit: limit, olderThan: olderThan))
        }
    }
}

/// Why a file operation failed.
enum BlobFault: Error {
    case missing
    case failed(String)
    case damaged(String)
}
