import Glibc
import Synchronization

/// Takes whole log lines; called on any thread.
package protocol LogSink: Sendable {
    func write(_ line: [UInt8])
}

/// Standard error: one `write(2)` a line, one line at a time, so lines of a process never mix.
package final class StandardErrorSink: LogSink {
    package static let shared = StandardErrorSink()
    private let lock = Mutex(())

    package func write(_ line: [UInt8]) {
        lock.withLock { _ in
            line.withUnsafeBytes { bytes in
                var start = 0
                while start < bytes.count {
                    let written = Glibc.write(STDERR_FILENO, bytes.baseAddress.map { $0 + start }, bytes.count - start)
                    if written < 0, errno == EINTR { continue }
                    // A log that cannot be written must not stop the mail.
                    guard written > 0 else { return }
                    start += written
                }
            }
        }
    }
}

/// Keeps lines in memory, for tests.
package final class MemorySink: LogSink {
    private let kept = Mutex<[String]>([])
    package init() {}
    package func write(_ line: [UInt8]) { kept.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
    package var lines: [String] { kept.withLock { $0 } }
}
