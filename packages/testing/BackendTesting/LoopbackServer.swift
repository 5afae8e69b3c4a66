import Glibc
import ProcessTesting
import Synchronization

/// A server program on a free port of the loopback, which ends with this object or this process.
package final class LoopbackServer: Sendable {
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    /// Starts the program, says `ready` when it accepts, and ends it when the other side lets go.
    private static let script = """
        port=$1 log=$2; shift 2
        exec 3<&0
        "$@" 3<&- </dev/null >>"$log" 2>&1 &
        p=$!
        cat <&3 >/dev/null &
        c=$!
        trap 'kill -9 $p $c; exit' TERM
        n=0
        until (exec 4<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; do
            n=$((n + 1))
            [ $n -lt 1000 ] && kill -0 $p 2>/dev/null || { tail -n 3 "$log"; kill -9 $p $c; exit 1; }
            sleep 0.02
        done
        echo ready
        wait -n
        kill -9 $p $c
        """

    package let port: Int
    package let folder: String
    private let command: [String]
    private let child = Mutex<Child?>(nil)

    /// - Parameter command: the words of the command, for the port and the folder of its own.
    package init(_ command: (_ port: Int, _ folder: String) -> [String]) throws {
        var template = Array("/tmp/backend-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault(description: "no temporary folder") }
        folder = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        port = try LoopbackPort.free()
        self.command = command(port, folder)
    }

    deinit {
        child.withLock { $0?.end() }
        _ = try? Child(script: "rm -rf -- \"$1\"", arguments: [folder]).wait()
    }

    package func start() throws {
        let child = try Child(script: Self.script, arguments: ["\(port)", "\(folder)/log"] + command)
        guard let line = child.readLine(), line == "ready" else {
            throw Fault(description: "\(command[0]) does not start: \(child.readAll())")
        }
        self.child.withLock { $0 = child }
    }

    /// Ends it at once, as a crash would.
    package func crash() {
        child.withLock { child in
            child?.end()
            child?.wait()
            child = nil
        }
    }

    /// Runs a script to its end; its output.
    @discardableResult
    package static func run(_ script: String, _ arguments: [String] = []) throws -> String {
        let child = try Child(script: script, arguments: arguments)
        let output = child.readAll()
        guard child.wait() == 0 else { throw Fault(description: output) }
        return output
    }

    /// The first of the programs that is installed.
    package static func find(_ names: [String]) -> String? {
        let found = try? run("for n in \"$@\"; do command -v -- \"$n\" && exit; done; exit 1", names)
        return found.flatMap { $0.isEmpty ? nil : $0 }
    }
}
