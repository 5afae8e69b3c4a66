import ArgumentParser
import MailModel
import MailPorts
import Telemetry

struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Mail that waits to be sent.",
        subcommands: [List.self, Show.self, Retry.self, Cancel.self, Hold.self, Release.self]
    )

    private struct Document: Encodable {
        var queueID: String
        var sender: String
        var recipient: String
        var state: String
        var attempts: Int
        var nextAttemptAt: String
        var expiresAt: String
        var createdAt: String
        var size: Int
        var lastReply: String

        init(_ entry: QueueEntry) {
            queueID = entry.queueID.rawValue
            sender = entry.sender.description
            recipient = entry.recipient.description
            state = entry.state.rawValue
            attempts = entry.attempts
            nextAttemptAt = RFC3339.text(entry.nextAttemptAt)
            expiresAt = RFC3339.text(entry.expiresAt)
            createdAt = RFC3339.text(entry.createdAt)
            size = entry.size
            lastReply = entry.lastReply
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Every waiting recipient, oldest message first.")
        @Option(name: .long, help: "At most this many.") var limit = 1_000
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit takes 1 to 1000000") }
            try await options.withPorts("queue") { ports in
                let queue = try await ports.stores.queue()
                var entries: [QueueEntry] = []
                while entries.count < limit {
                    let page = try await queue.entries(
                        after: entries.last?.queueID,
                        limit: min(500, limit - entries.count)
                    )
                    entries += page
                    if page.isEmpty { break }
                }
                let documents = entries.map { Document($0) }
                var table = TextTable(["ID", "STATE", "TRIED", "NEXT ATTEMPT", "SENDER", "RECIPIENT", "LAST REPLY"])
                for one in documents {
                    table.add([
                        one.queueID, one.state, "\(one.attempts)", one.nextAttemptAt, "<\(one.sender)>", one.recipient,
                        one.lastReply,
                    ])
                }
                try options.show(documents, documents.isEmpty ? "The queue is empty." : table.text)
            }
        }
    }

    private struct Details: Encodable {
        struct Attempt: Encodable {
            var at: String
            var host: String
            var tls: String?
            var transcript: String
        }
        var recipients: [Document]
        var attempts: [Attempt]
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One message: why each recipient waits, when it is tried next, and what each attempt said."
        )
        @Argument(help: "The queue id.") var id: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("queue \(id)") { ports in
                let (recipients, attempts) = try await ports.stores.queue().entry(
                    QueueID(rawValue: EmailAddress.lowercased(id))
                )
                guard !recipients.isEmpty else { throw StoreError.notFound }
                let details = Details(
                    recipients: recipients.map { Document($0) },
                    attempts: attempts.map {
                        Details.Attempt(at: RFC3339.text($0.at), host: $0.host, tls: $0.tls, transcript: $0.transcript)
                    }
                )
                try options.show(details, Self.text(details))
            }
        }

        private static func text(_ details: Details) -> String {
            var lines: [String] = []
            for one in details.recipients {
                let why = one.lastReply.isEmpty ? "not tried yet" : one.lastReply
                let next =
                    one.state == "held"
                    ? "held until released" : one.state == "leased" ? "being sent" : "next attempt \(one.nextAttemptAt)"
                lines += [
                    "\(one.queueID) <\(one.sender)> -> \(one.recipient), \(one.size) octets",
                    "  \(one.state), tried \(one.attempts) times, \(next), given up \(one.expiresAt)",
                    "  because: \(why)",
                ]
            }
            for one in details.attempts {
                lines.append("\n\(one.at) \(one.host)\(one.tls.map { ", \($0)" } ?? ", clear text")")
                lines += one.transcript.utf8.split { $0 == 10 || $0 == 13 }.map {
                    "  " + TextTable.printable(String(decoding: $0, as: UTF8.self))
                }
            }
            return lines.map { $0.utf8.starts(with: "\n".utf8) ? $0 : TextTable.printable($0) }.joined(separator: "\n")
        }
    }

    /// What `retry`, `cancel`, `hold` and `release` work on.
    struct Selection: ParsableArguments {
        @Argument(help: "A queue id, a recipient, or @domain.") var what: String?
        @Flag(name: .long, help: "Everything in the queue.") var all = false

        func selection() throws -> QueueSelection {
            guard let what else {
                guard all else { throw ValidationError("Name a queue id, a recipient or @domain, or say --all.") }
                return .everything
            }
            guard !all else { throw ValidationError("Either --all or a name.") }
            let bytes = Array(what.utf8)
            if bytes.first == UInt8(ascii: "@") {
                let domain = bytes.dropFirst()
                guard EmailAddress.isDomain(domain) else { throw ValidationError("\(what) is no domain.") }
                return .domain(EmailAddress.lowercased(String(decoding: domain, as: UTF8.self)))
            }
            if let address = EmailAddress(what) { return .recipient(address) }
            guard bytes.count == 16 else {
                throw ValidationError("\(what) is neither a queue id nor an address nor @domain.")
            }
            return .message(QueueID(rawValue: EmailAddress.lowercased(what)))
        }
    }

    private static func change(
        _ selection: Selection,
        _ options: StoreOptions,
        _ word: String,
        _ work: (any QueueStore, QueueSelection, AuditEvent) async throws(StoreError) -> Int
    ) async throws {
        let chosen = try selection.selection()
        try await options.withPorts("queue") { ports in
            let event = AuditEvent(
                at: ports.stores.clock().now(),
                actor: "cli",
                action: "queue.\(word)",
                subject: selection.what ?? "*"
            )
            let count = try await work(try await ports.stores.queue(), chosen, event)
            guard count > 0 || selection.all else {
                throw CommandFailure(.notFound, "nothing in the queue matches \(selection.what ?? "")")
            }
            try options.show(["recipients": count], "\(count) recipients: \(word).")
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Try again now.")
        @OptionGroup var selection: Selection
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await change(selection, options, "retry") { queue, what, event throws(StoreError) in
                try await queue.retryNow(what, now: event.at, audit: event)
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Drop without a bounce.")
        @OptionGroup var selection: Selection
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await change(selection, options, "cancel") { queue, what, event throws(StoreError) in
                try await queue.cancel(what, actor: event.actor, now: event.at)
            }
        }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keep, but do not try.")
        @OptionGroup var selection: Selection
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await change(selection, options, "hold") { queue, what, event throws(StoreError) in
                try await queue.hold(what, audit: event)
            }
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a hold.")
        @OptionGroup var selection: Selection
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await change(selection, options, "release") { queue, what, event throws(StoreError) in
                try await queue.release(what, now: event.at, audit: event)
            }
        }
    }
}
