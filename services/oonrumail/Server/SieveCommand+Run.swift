import Accounts
import ArgumentParser
import MailDelivery
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost
import Telemetry

extension SieveCommand {
    /// Every portion, one after another.
    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a script over the messages of a mailbox.",
            discussion: """
                Files them, adds flags, and moves what the script discards to the trash; redirect, reject, vacation and changes of \
                headers are left out.
                """
        )
        @OptionGroup var whose: Whose
        @Argument(help: "The script's name.") var name: String
        @Option(name: .long, help: "The mailbox.") var mailbox = "INBOX"
        @Option(name: .long, help: "Only what came from there on, such as 2026-12-24T00:00:00Z.") var since: String?
        @Option(name: .long, help: "Only what came before.") var before: String?
        @Flag(name: .long, help: "Only what is not seen.") var unseen = false
        @Flag(name: .long, help: "Do nothing; say what would be done.") var dryRun = false

        func run() async throws {
            var search = FilingSearch(limit: ScriptPass.portion)
            (search.since, search.before) = (try since.map(Self.moment), try before.map(Self.moment))
            search.isUnseen = unseen
            var request = ScriptPass.Request(mailbox: mailbox, search: search, after: nil, isDry: dryRun)
            try await whose.with { service, account, ports, settings in
                let pass = ScriptPass(
                    runner: ScriptRunner(service.store, settings),
                    store: service.store,
                    mailboxes: try await ports.stores.mailboxes(),
                    directory: try await ports.stores.directory(),
                    hostname: settings.hostname
                )
                let script = try await service.script(named: name, of: account)
                var whole: ScriptPass.Report?
                repeat {
                    let event = service.event(account, by: .commandLine, now: ports.stores.clock().now())
                    let report = try await pass.run(script, of: account, request, audit: event)
                    request.after = report.next
                    whole = whole?.joined(report) ?? report
                } while request.after != nil
                guard let whole else { return }
                let verb = dryRun ? "to be " : ""
                try whose.options.show(
                    ScriptReportDocument(whole),
                    """
                    \(whole.messages.count.counted("message")): \(whole.moved) \(verb)moved, \(whole.copied) copied, \(whole.marked) \
                    flagged, \(whole.discarded) moved to the trash; for \(whole.failed) the script failed; \(whole.leftOut) actions \
                    are left out over stored mail.
                    """
                )
            }
        }

        private static func moment(_ text: String) throws -> Timestamp {
            guard let moment = RFC3339.read(text) else {
                throw ValidationError("a time is written as 2026-12-24T00:00:00Z")
            }
            return moment
        }
    }
}
