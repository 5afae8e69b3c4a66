import ArgumentParser
import MailPorts
import PlatformConfig

struct MoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Move a one-machine store into PostgreSQL while it serves, or take it back.",
        discussion: """
            Copies the store of the data folder into an empty database and its blobs to where the settings put them \
            (S3_ENDPOINT and the like, or OONRUMAIL_BLOBS), copies again what changes meanwhile, compares, and cuts over: \
            from then on the old store refuses every change with a temporary error. Stop its server and start the services \
            on the new one, with the same master key. Until --confirm, --back brings everything back, what came in since \
            included. A password is best given by PGPASSWORD, not in the URL.
            """
    )
    @Option(name: .long, help: ArgumentHelp("The database to move to.", valueName: "postgres://…")) var to: String?
    @Option(name: .long, help: ArgumentHelp("The S3 server for large messages, as S3_ENDPOINT.", valueName: "url"))
    var s3: String?
    @Flag(name: .long, help: "Bring the mail back into the data folder and serve from there again.") var back = false
    @Flag(name: .long, help: "Give up the way back.") var confirm = false
    @OptionGroup var options: StoreOptions

    func validate() throws {
        if back, confirm { throw ValidationError("--back and --confirm exclude each other") }
    }

    func run() async throws {
        var overrides: [String: String] = [:]
        overrides["DATABASE_URL"] = to
        overrides["S3_ENDPOINT"] = s3
        let settings = try options.sources.settings(overrides)
        let terminal = CommandEnvironment.current.terminal
        let isQuiet = options.json
        let outcome: MoveOutcome
        do {
            outcome = try await CommandEnvironment.current.move(
                settings,
                back ? .takeBack : confirm ? .confirm : .move
            ) { line in
                if !isQuiet { terminal.write(line) }
            }
        } catch {
            throw CommandFailure(error, subject: "move") ?? CommandFailure(.failure, "move: \(error)")
        }
        struct Document: Encodable {
            var rows: Int
            var changes: Int
            var blobs: Int
            var pauseSeconds: Double
        }
        let pause =
            Double(outcome.pause.components.seconds) + Double(outcome.pause.components.attoseconds)
            / 1_000_000_000_000_000_000
        try options.show(
            Document(rows: outcome.rows, changes: outcome.changes, blobs: outcome.blobs, pauseSeconds: pause),
            text(outcome, pause)
        )
    }

    private func text(_ outcome: MoveOutcome, _ pause: Double) -> String {
        if confirm { return "Confirmed: the store in the data folder is not needed any more." }
        let copied =
            "\(outcome.rows) rows and \(outcome.blobs) large messages copied, \(outcome.changes) rows again; no change was taken for \(Int(pause * 1_000)) ms."
        return back
            ? "\(copied)\nStop the services on the database and start `oonrumail serve` on the data folder."
            : "\(copied)\nStop `oonrumail serve` on the data folder and start the services on the database."
    }
}
