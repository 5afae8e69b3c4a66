import ArgumentParser
import FoundationEssentials
import MailPorts
import PlatformConfig

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check the store: counters against rows, messages against hashes.",
        discussion: "Exit code 1 when something is wrong; each finding is printed.",
        subcommands: [VerifyAuditCommand.self]
    )
    @OptionGroup var options: StoreOptions

    private struct Document: Encodable {
        var accounts: Int
        var mailboxes: Int
        var messages: Int
        var blobs: Int
        var findings: [String]
    }

    func run() async throws {
        try await options.withPorts("verify") { ports in
            let report = try await ports.stores.maintenance().verify()
            let document = Document(
                accounts: report.accounts,
                mailboxes: report.mailboxes,
                messages: report.messages,
                blobs: report.blobs,
                findings: report.findings
            )
            let counts = [
                report.accounts.counted("account"), report.mailboxes.counted("mailbox", "mailboxes"),
                report.messages.counted("message"), report.blobs.counted("file") + " of large ones",
            ].joined(separator: ", ")
            let lines =
                report.findings.map(TextTable.printable) + [
                    "Checked \(counts): \(report.findings.isEmpty ? "all is well" : report.findings.count.counted("finding"))."
                ]
            try options.show(document, lines.joined(separator: "\n"))
            guard report.findings.isEmpty else { throw ExitCode(CommandFailure.Code.failure.rawValue) }
        }
    }
}

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the whole store into one file, consistent, while the server runs."
    )
    @Argument(help: "The new file.", completion: .file()) var file: String
    @Flag(name: .long, help: "Replace the file if it is there.") var force = false
    @OptionGroup var options: StoreOptions

    func run() async throws {
        if FileManager.default.fileExists(atPath: file), !force {
            throw CommandFailure(.alreadyExists, "\(file) exists already; say --force to replace it")
        }
        try await options.withPorts("backup") { ports in
            try await ports.stores.maintenance().backup(toFile: file)
            let size = (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
            struct Document: Encodable {
                var file: String
                var size: Int
            }
            try options.show(Document(file: file, size: size), "Wrote \(file), \(size) octets.")
        }
    }
}

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Fill an empty data folder from a backup. The server must not run on that folder."
    )
    @Argument(help: "The backup file.", completion: .file()) var file: String
    @OptionGroup var options: StoreOptions

    func run() async throws {
        guard FileManager.default.fileExists(atPath: file) else {
            throw CommandFailure(.notFound, "there is no file \(file)")
        }
        let settings = try options.sources.settings()
        do {
            try await CommandEnvironment.current.restore(file, settings)
        } catch {
            throw CommandFailure(error, subject: "restore") ?? CommandFailure(.failure, "restore: \(error)")
        }
        try options.show(["data": settings.data], "Restored \(file) to \(settings.data).")
    }
}
