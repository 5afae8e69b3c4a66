import ArgumentParser
import Domains
import MailModel
import MailPorts
import ServiceHost
import Telemetry

struct WebhookCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "Where organisations' programs are told of their domains.",
        subcommands: [Show.self, Set.self, Remove.self, RotateSecret.self, Test.self, Deliveries.self]
    )

    private struct Document: Encodable {
        var organisationID: Int64
        var url: String
        var changedAt: String
        /// Only when it was made now.
        var secret: String?

        init(_ webhook: Webhook, _ secret: WebhookSecret? = nil) {
            organisationID = webhook.organisation.rawValue
            url = webhook.address
            changedAt = RFC3339.text(webhook.changedAt)
            self.secret = secret?.text
        }

        var text: String {
            "Organisation \(organisationID) is told at \(url)."
                + (secret.map { " The secret, shown this once:\n\($0)" } ?? "")
        }
    }

    private static func with(
        _ number: Int64,
        _ options: StoreOptions,
        _ body: (WebhookSettings, OrganisationID, CommandEnvironment.Ports) async throws -> Void
    ) async throws {
        let settings = try options.sources.settings()
        try await options.withPorts("webhook of organisation \(number)") { ports in
            try await body(try await WebhookSettings(ports.stores, settings), OrganisationID(number), ports)
        }
    }

    private static func event(
        _ action: String,
        _ organisation: OrganisationID,
        _ ports: CommandEnvironment.Ports
    ) -> AuditEvent {
        AuditEvent(
            at: ports.stores.clock().now(),
            actor: "cli",
            action: action,
            subject: "organisation \(organisation)"
        )
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "An organisation's webhook.")
        @Argument(help: "The organisation's number.") var organisation: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await WebhookCommand.with(organisation, options) { webhooks, organisation, _ in
                let document = Document(try await webhooks.webhook(of: organisation))
                try options.show(document, document.text)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell an organisation's programs at an https address; prints the secret of a new webhook once."
        )
        @Argument(help: "The organisation's number.") var organisation: Int64
        @Argument(help: "The address.") var url: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await WebhookCommand.with(organisation, options) { webhooks, organisation, ports in
                let event = WebhookCommand.event("webhook.set", organisation, ports)
                let made = try await webhooks.set(url, of: organisation, replacing: nil, audit: event)
                let document = Document(made.webhook, made.secret)
                try options.show(document, document.text)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Tell nobody any more.")
        @Argument(help: "The organisation's number.") var organisation: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await WebhookCommand.with(organisation, options) { webhooks, organisation, ports in
                let event = WebhookCommand.event("webhook.remove", organisation, ports)
                try await webhooks.remove(of: organisation, audit: event)
                try options.show(["organisation_id": organisation.rawValue], "Removed.")
            }
        }
    }

    struct RotateSecret: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-secret",
            abstract: "Another secret, printed once; the one before signs beside it for a day."
        )
        @Argument(help: "The organisation's number.") var organisation: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await WebhookCommand.with(organisation, options) { webhooks, organisation, ports in
                let event = WebhookCommand.event("webhook.rotate", organisation, ports)
                let made = try await webhooks.rotate(of: organisation, audit: event)
                let document = Document(made.webhook, made.secret)
                try options.show(document, document.text)
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Post a test event now; exits with 1 when it is not taken."
        )
        @Argument(help: "The organisation's number.") var organisation: Int64
        @OptionGroup var options: StoreOptions

        private struct Result: Encodable {
            var ok: Bool
            var status: Int?
            var fault: String?
        }

        func run() async throws {
            try await WebhookCommand.with(organisation, options) { webhooks, organisation, ports in
                let result = try await webhooks.test(of: organisation, now: ports.stores.clock().now())
                let words = [result.status.map { "status \($0)" }, result.fault].compactMap { $0 }
                try options.show(
                    Result(ok: result.isGood, status: result.status, fault: result.fault),
                    "\(result.isGood ? "taken" : "not taken"): \(words.joined(separator: ", "))"
                )
                guard result.isGood else { throw ExitCode(CommandFailure.Code.failure.rawValue) }
            }
        }
    }

    struct Deliveries: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Events that wait, and the last that are over.")
        @Argument(help: "The organisation's number.") var organisation: Int64
        @Option(name: .long, help: "Events that are shown.") var limit = 50
        @Option(name: .long, help: "Only those that are waiting, delivered or failed.") var state:
            WebhookDelivery.State?
        @Option(name: .long, help: "Only those of this type.") var type: String?
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable {
            var event: String
            var type: String
            var state: String
            var attempts: Int
            var createdAt: String
            var status: Int?
            var fault: String?
        }

        func run() async throws {
            guard (1...500).contains(limit) else { throw ValidationError("The limit is 1 to 500.") }
            try await WebhookCommand.with(organisation, options) { webhooks, organisation, _ in
                var listing = DeliveryListing(organisation: organisation, limit: limit)
                (listing.state, listing.kind) = (state, type)
                let found = try await webhooks.deliveries(listing).map {
                    Row(
                        event: $0.event,
                        type: $0.kind,
                        state: $0.state.rawValue,
                        attempts: $0.attempts,
                        createdAt: RFC3339.text($0.createdAt),
                        status: $0.status,
                        fault: $0.fault
                    )
                }
                var table = TextTable(["EVENT", "TYPE", "STATE", "ATTEMPTS", "SINCE", "STATUS", "FAULT"])
                for row in found {
                    let status = row.status.map { "\($0)" } ?? "-"
                    table.add([
                        row.event, row.type, row.state, "\(row.attempts)", row.createdAt, status, row.fault ?? "-",
                    ])
                }
                try options.show(found, table.text)
            }
        }
    }
}
