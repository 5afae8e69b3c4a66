import Glibc
import MailPorts
import NIOCore
import NIOPosix

/// One message on its way in: in memory up to a threshold, in a file of the spool folder from there on.
///
/// Used on its connection's event loop. The file lies there for itself until `finish` hands it over or `discard` removes it;
/// what an ended process leaves behind is removed at the next start.
final class MessageSpool {
    struct Failure: Error {
        let code: CInt
    }

    /// Octets written to the file at once.
    private static let chunk = 256 << 10

    private let path: String
    private let threshold: Int
    private let threads: NIOThreadPool
    private let loop: any EventLoop
    private var buffer: ByteBuffer
    private var descriptor: CInt = -1
    /// There is a file, open or not, that is ours to remove.
    private var hasFile = false
    private var written = 0
    private var isWriting = false
    private var isDiscarded = false

    init(path: String, threshold: Int, prefix: [UInt8], threads: NIOThreadPool, loop: any EventLoop) {
        self.path = path
        self.threshold = threshold
        self.threads = threads
        self.loop = loop
        buffer = ByteBuffer()
        buffer.reserveCapacity(4_096 + prefix.count)
        buffer.writeBytes(prefix)
    }

    /// nil: there is room for more.
    ///
    /// A future: wait for it before the next call.
    func append(_ octets: ByteBuffer) -> EventLoopFuture<Void>? {
        buffer.writeImmutableBuffer(octets)
        let limit = descriptor < 0 ? threshold : Self.chunk
        return buffer.readableBytes > limit ? flush() : nil
    }

    /// The whole message; a file is the caller's to remove, unless it calls `discard`.
    func finish() -> EventLoopFuture<SpooledBytes> {
        guard descriptor >= 0 else { return loop.makeSucceededFuture(.memory(buffer)) }
        return flush().assumeIsolated().map { [self] in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
            return SpooledBytes.file(path: path, size: written)
        }
        .nonisolated()
    }

    /// Drops everything, a file too; when a write is under way, after it.
    func discard() {
        isDiscarded = true
        buffer = ByteBuffer()
        if !isWriting { remove() }
    }

    private func remove() {
        guard hasFile else { return }
        let (descriptor, path) = (self.descriptor, self.path)
        self.descriptor = -1
        hasFile = false
        // Removing a large file takes its time.
        threads.submit { _ in
            if descriptor >= 0 { close(descriptor) }
            unlink(path)
        }
    }

    // MARK: - The file

    private func flush() -> EventLoopFuture<Void> {
        var octets = ByteBuffer()
        swap(&octets, &buffer)
        let whole = octets
        isWriting = true
        let (path, descriptor, size) = (self.path, self.descriptor, whole.readableBytes)
        return threads.runIfActive(eventLoop: loop) { try Self.write(whole, to: descriptor, path) }
            .assumeIsolated()
            .always { [self] result in
                isWriting = false
                if case .success(let descriptor) = result {
                    self.descriptor = descriptor
                    hasFile = true
                    written += size
                }
                if isDiscarded { remove() }
            }
            .map { _ in }
            .nonisolated()
    }

    /// Opens the file if there is none, and appends.
    ///
    /// Runs on the thread pool.
    private static func write(_ octets: ByteBuffer, to open: CInt, _ path: String) throws -> CInt {
        let isNew = open < 0
        let descriptor = isNew ? Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) : open
        guard descriptor >= 0 else { throw Failure(code: errno) }
        let failure = octets.withUnsafeReadableBytes { bytes -> CInt? in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return errno }
                rest = rest.dropFirst(count)
            }
            return nil
        }
        guard let failure else { return descriptor }
        if isNew {
            close(descriptor)
            unlink(path)
        }
        throw Failure(code: failure)
    }
}
