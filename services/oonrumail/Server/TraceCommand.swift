import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import Telemetry

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "What became of a message: by address, queue id or Message-ID.",
        discussion: "Exit code 3 when nothing is known."
    )

    @Argument(help: "Sender, recipient, queue id or Message-ID.") var key: String
    @Option(name: .long, help: "Only events younger than this, such as 2h or 5d.") var since: String?
    @Option(name: .long, help: "At most this many events.") var limit = 1_000
    @OptionGroup var options: StoreOptions

    private struct Document: Encodable {
        var at: String
        var kind: String
        var queueID: String
        var messageID: String?
        var sender: String
        var recipient: String?
        var remote: String?
        var detail: String

        init(_ event: TraceEvent) {
            at = RFC3339.text(event.at)
            kind = event.kind.rawValue
            queueID = event.queueID.rawValue
            messageID = event.messageID
            sender = event.sender
            recipient = event.recipient
            remote = event.remote?.description
            detail = event.detail
        }
    }

    func run() async throws {
        guard (1...100_000).contains(limit) else { throw ValidationError("--limit takes 1 to 100000") }
        let age = try since.map { text in
            guard let age = SettingText.duration(text) else {
                throw ValidationError("\(text) is no duration such as 2h")
            }
            return age
        }
        try await options.withPorts("trace \(key)") { ports in
            let from = age.map { ports.stores.clock().now().adding(seconds: -$0.components.seconds) }
            let events = try await find(try await ports.stores.trace(), from)
            let documents = events.map { Document($0) }
            var table = TextTable(["TIME", "EVENT", "ID", "SENDER", "RECIPIENT", "CLIENT", "DETAIL"])
            for one in documents {
                table.add([
                    one.at, one.kind, one.queueID, "<\(one.sender)>", one.recipient ?? "-", one.remote ?? "-",
                    one.detail,
                ])
            }
            try options.show(documents, documents.isEmpty ? "" : table.text)
            guard !events.isEmpty else { throw CommandFailure(.notFound, "nothing is known of \(key)") }
        }
    }

    /// A Message-ID looks like an address: asked for as written, and as an address where that differs.
    private func find(_ store: any TraceStore, _ from: Timestamp?) async throws(StoreError) -> [TraceEvent] {
        var bytes = Array(key.utf8)[...]
        if bytes.first == UInt8(ascii: "<"), bytes.last == UInt8(ascii: ">") { bytes = bytes.dropFirst().dropLast() }
        let plain = String(decoding: bytes, as: UTF8.self)
        var events = try await store.find(plain, since: from, limit: limit)
        if events.isEmpty, let address = EmailAddress(plain), address.canonical != plain {
            events = try await store.find(address.canonical, since: from, limit: limit)
        }
        return events
    }
}
