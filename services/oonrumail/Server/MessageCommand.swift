import ArgumentParser
import FoundationEssentials
import MailModel

struct MessageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "message",
        abstract: "Look into message files.",
        subcommands: [Dump.self]
    )

    struct Dump: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "ENVELOPE and BODYSTRUCTURE of a message file as IMAP prints them.",
            discussion:
                "Needs no store; - reads standard input. Lines that end in LF alone are read as if they ended in CRLF, unless --raw."
        )
        @Argument(help: "The message, or -.", completion: .file()) var file: String
        @Flag(name: .long, help: "Print JSON.") var json = false
        @Flag(name: .long, help: "Leave line ends as they are.") var raw = false

        /// Octets of a message.
        private static let limit = 256 << 20

        private struct Document: Encodable {
            var envelope: String
            var bodystructure: String
            var body: String
            var encoding: String
            var subject: String
            var from: String
            var messageID: String?
            var headerSize: Int
            var size: Int
            var hasAttachment: Bool
            var preview: String
        }

        func run() throws {
            let bytes =
                raw
                ? try InputFile.read(file, atMost: Self.limit)
                : MessageInspection.withNetworkLines(try InputFile.read(file, atMost: Self.limit))
            let dump = MessageInspection(bytes)
            let terminal = CommandEnvironment.current.terminal
            guard json else {
                terminal.write("ENVELOPE \(dump.envelope)\nBODYSTRUCTURE \(dump.bodyStructure)\nBODY \(dump.body)")
                return
            }
            let document = Document(
                envelope: dump.envelope,
                bodystructure: dump.bodyStructure,
                body: dump.body,
                encoding: dump.encoding,
                subject: dump.summary.subject,
                from: dump.summary.from,
                messageID: dump.summary.messageID,
                headerSize: dump.summary.headerSize,
                size: bytes.count,
                hasAttachment: dump.summary.hasAttachment,
                preview: dump.summary.preview
            )
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            terminal.write(String(decoding: try encoder.encode(document), as: UTF8.self))
        }
    }
}
