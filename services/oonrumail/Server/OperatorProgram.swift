import ArgumentParser
import Glibc
import Logging
import Telemetry

/// The `oonrumail` program: reads the command line, runs the command, ends with its exit code.
package enum OperatorProgram {
    /// Call from the main program; never returns.
    package static func main(_ environment: CommandEnvironment) async -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first != "serve" {
            // Beside a command's answer only what went wrong is worth reading; `serve` sets up its own log.
            LoggingSystem.bootstrap { LineLogHandler(label: $0, level: .error, format: .text) }
        }
        exit(await run(arguments, environment))
    }

    /// Runs one command line and returns its exit code.
    package static func run(_ arguments: [String], _ environment: CommandEnvironment) async -> Int32 {
        await CommandEnvironment.$bound.withValue(environment) {
            do {
                var command = try OperatorRoot.parseAsRoot(arguments)
                if var command = command as? any AsyncParsableCommand {
                    try await command.run()
                } else {
                    try command.run()
                }
                return 0
            } catch {
                return report(error, environment.terminal)
            }
        }
    }

    private static func report(_ error: any Error, _ terminal: any Terminal) -> Int32 {
        if let failure = CommandFailure(error, subject: "oonrumail") {
            for line in failure.message.utf8.split(separator: 10) {
                terminal.writeError("oonrumail: \(String(decoding: line, as: UTF8.self))")
            }
            return failure.code.rawValue
        }
        if let code = error as? ExitCode { return code.rawValue }
        let code = OperatorRoot.exitCode(for: error)
        if code == .success {
            terminal.write(OperatorRoot.fullMessage(for: error))
        } else if code == .validationFailure {
            terminal.writeError(OperatorRoot.fullMessage(for: error))
        } else {
            terminal.writeError("oonrumail: \(error)")
        }
        return code.rawValue
    }
}
