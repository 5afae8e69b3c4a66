import Glibc
import MailPorts
import NIOCore
import NIOPosix
import Testing

@testable import SMTPServer

/// Where a message lies until it is answered for.
@Suite struct MessageSpoolTests {
    private static let octets = ByteBuffer(repeating: 120, count: 10_000)

    private static func path() -> String { "/tmp/smtp-spool-\(UInt64.random(in: 0 ... .max))" }

    /// Runs on the spool's loop, as its connection does.
    private static func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable (any EventLoop) throws -> EventLoopFuture<Value>
    ) async throws -> Value {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        return try await loop.flatSubmit {
            do { return try body(loop) } catch { return loop.makeFailedFuture(error) }
        }.get()
    }

    private static func make(_ loop: any EventLoop, _ path: String, threshold: Int = 5_000) -> MessageSpool {
        MessageSpool(path: path, threshold: threshold, prefix: [1, 2, 3], threads: .singleton, loop: loop)
    }

    @Test func smallMessagesStayInMemory() async throws {
        let path = Self.path()
        let size = try await Self.onLoop { loop in
            let spool = Self.make(loop, path, threshold: 20_000)
            #expect(spool.append(Self.octets) == nil)
            return spool.finish().map(\.size)
        }
        #expect(size == 10_003 && access(path, F_OK) != 0)
    }

    @Test func largeOnesGoToAFileOfTheirOwn() async throws {
        let path = Self.path()
        let mode = try await Self.onLoop { loop in
            let bound = NIOLoopBound(Self.make(loop, path), eventLoop: loop)
            guard let full = bound.value.append(Self.octets) else { return loop.makeSucceededFuture(0 as mode_t) }
            return full.flatMap { bound.value.finish() }.map { _ in
                var found = stat()
                stat(path, &found)
                return found.st_size == 10_003 ? found.st_mode & 0o777 : 0
            }
        }
        #expect(mode == 0o600)
        unlink(path)
    }

    @Test func aFinishedFileIsRemovedWhenNobodyTakesIt() async throws {
        let path = Self.path()
        try await Self.onLoop { loop in
            let bound = NIOLoopBound(Self.make(loop, path), eventLoop: loop)
            guard let full = bound.value.append(Self.octets) else { return loop.makeSucceededVoidFuture() }
            return full.flatMap { bound.value.finish() }.flatMap { _ in
                bound.value.discard()
                // The pool works in order enough: what is submitted behind it on an idle pool runs after.
                return NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
                    for _ in 0..<1_000_000 where access(path, F_OK) == 0 { sched_yield() }
                }
            }
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test func aFileThatIsThereIsNeverTaken() async throws {
        let path = Self.path()
        symlink("/tmp/elsewhere", path)
        defer { unlink(path) }
        await #expect(throws: MessageSpool.Failure.self) {
            try await Self.onLoop { loop in
                Self.make(loop, path).append(Self.octets) ?? loop.makeSucceededVoidFuture()
            }
        }
    }

    @Test func aDiskThatIsFullIsTold() async throws {
        await #expect(throws: MessageSpool.Failure.self) {
            try await Self.onLoop { loop in
                Self.make(loop, "/dev/full/none").append(Self.octets) ?? loop.makeSucceededVoidFuture()
            }
        }
    }
}
