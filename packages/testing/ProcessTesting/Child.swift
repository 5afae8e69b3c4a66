import Glibc
import Synchronization

/// A shell script that runs beside the tests.
///
/// Its standard input stays open as long as this object, or this process, lives.
package final class Child: Sendable {
    private let input: Int32
    private let output: Int32
    package let processID: Int32

    /// Another child must not inherit the pipes of this one: its end would never be seen.
    private static let spawning = Mutex(())

    package convenience init(script: String, arguments: [String]) throws {
        let made = try Self.spawning.withLock { _ in try Self.spawn(script, arguments) }
        self.init(input: made.input, output: made.output, processID: made.processID)
    }

    private init(input: Int32, output: Int32, processID: Int32) {
        (self.input, self.output, self.processID) = (input, output, processID)
    }

    /// A file that another test has open, and perhaps locked, is not this child's.
    private static let closing =
        "for f in /proc/$$/fd/*; do n=${f##*/}; [ \"$n\" -gt 2 ] && eval \"exec $n>&-\"; done 2>/dev/null\n"

    private static func spawn(
        _ script: String,
        _ arguments: [String]
    ) throws -> (input: Int32, output: Int32, processID: Int32) {
        var toChild: [Int32] = [0, 0]
        var fromChild: [Int32] = [0, 0]
        guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { throw ProcessFault(description: "no pipe") }
        for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        // Threads of the pool have signals blocked, which a child would keep.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = (["/bin/bash", "-c", closing + script, "bash"] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        var made: pid_t = 0
        let status = posix_spawn(&made, "/bin/bash", &actions, &attributes, words + [nil], environ)
        close(toChild[0])
        close(fromChild[1])
        guard status == 0 else { throw ProcessFault(description: "no shell") }
        return (toChild[1], fromChild[0], made)
    }

    deinit {
        close(input)
        close(output)
    }

    /// The next line of its output; nil at the end.
    package func readLine() -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1 {
            if byte == 10 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    package func readAll() -> String {
        var lines: [String] = []
        while let line = readLine() { lines.append(line) }
        return lines.joined(separator: "\n")
    }

    /// Waits for its end; its exit code.
    @discardableResult
    package func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(processID, &status, 0) < 0, errno == EINTR {}
        return (status >> 8) & 0xFF
    }

    package func end() { kill(processID, SIGTERM) }
}
