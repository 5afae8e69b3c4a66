import Accounts
import ArgumentParser
import FoundationEssentials
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost

/// Where settings come from: options of every command.
struct SettingOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Folder of the store; otherwise OONRUMAIL_DATA.", valueName: "dir"))
    var data: String?
    @Option(
        name: .long,
        help: ArgumentHelp("File of settings; otherwise OONRUMAIL_ENV_FILE or ./.env.", valueName: "file")
    ) var envFile: String?

    func settings(_ more: [String: String] = [:]) throws -> PlatformSettings {
        var overrides = more
        overrides["OONRUMAIL_DATA"] = data
        return try PlatformSettings.load(
            SettingSources(overrides: overrides, environment: CommandEnvironment.current.environment, file: envFile)
        )
    }
}

/// Options of every command that opens the store.
struct StoreOptions: ParsableArguments {
    @OptionGroup var sources: SettingOptions
    @Flag(name: .long, help: "Print JSON.") var json = false

    /// Opens the store for the closure and closes it after it, whatever happens.
    ///
    /// `subject` begins the error line: `domain shop.test`.
    func withPorts(_ subject: String, _ body: (CommandEnvironment.Ports) async throws -> Void) async throws {
        let environment = CommandEnvironment.current
        let ports = try await environment.open(try sources.settings())
        do {
            try await body(ports)
        } catch {
            await ports.close()
            throw CommandFailure(error, subject: subject) ?? error
        }
        await ports.close()
    }

    /// Prints the value as JSON, or the text.
    func show(_ value: some Encodable, _ text: @autoclosure () -> String) throws {
        let terminal = CommandEnvironment.current.terminal
        guard json else {
            let text = text()
            if !text.isEmpty { terminal.write(text) }
            return
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        terminal.write(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

extension StoreOptions {
    /// Prints what a check has tried.
    ///
    /// - Throws: a failure where a step has failed.
    func show(_ steps: [ConnectionCheckStep]) throws {
        let report = CheckReportDocument(steps)
        var table = TextTable(["STEP", "OUTCOME", "DETAIL"])
        for step in report.steps { table.add([step.name, step.ok ? "ok" : "failed", step.detail]) }
        try show(report.steps, table.text)
        guard report.ok else { throw CommandFailure(.failure, "a step of the check has failed") }
    }
}

/// Columns for people.
struct TextTable {
    private var rows: [[String]]

    init(_ head: [String]) { rows = [head] }

    mutating func add(_ row: [String]) { rows.append(row.map(Self.printable)) }

    var text: String {
        var widths: [Int] = []
        for row in rows {
            for (index, cell) in row.enumerated() {
                if index < widths.count {
                    widths[index] = max(widths[index], cell.unicodeScalars.count)
                } else {
                    widths.append(cell.unicodeScalars.count)
                }
            }
        }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[index] - cell.unicodeScalars.count)
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    /// What peers sent must not move the cursor or forge a row.
    static func printable(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 32 || $0 == 127 ? 63 : $0 }, as: UTF8.self)
    }
}

extension EmailAddress: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}

/// Where a new password comes from.
struct PasswordOptions: ParsableArguments {
    @Flag(name: .long, help: "Read the password from the first line of standard input.") var passwordStdin = false
    @Flag(name: .long, help: "Take a password that is easy to guess; for tests.") var allowWeak = false

    func password(for address: EmailAddress) throws -> String {
        let terminal = CommandEnvironment.current.terminal
        if passwordStdin {
            guard let line = terminal.readLine(limit: PasswordPolicy.maximumLength) else {
                throw CommandFailure(
                    .failure,
                    "standard input has no password of at most \(PasswordPolicy.maximumLength) octets"
                )
            }
            return line
        }
        guard let first = terminal.askSecretly("Password for \(address): ") else {
            throw CommandFailure(.failure, "there is no terminal to ask for the password; use --password-stdin")
        }
        guard terminal.askSecretly("Again: ") == first else { throw CommandFailure(.failure, "the passwords differ") }
        return first
    }
}
