import Foundation
import MessageFormat
import Testing

@Suite struct MIMETruthTests {
    struct Row: CustomTestStringConvertible {
        var file: String
        var bytes: [UInt8]
        var envelope: IMAPValue?
        var bodyStructure: IMAPValue?
        var testDescription: String { file }
    }

    @Test(arguments: rows) func `ENVELOPE and BODYSTRUCTURE are what other servers answer`(row: Row) {
        let message = ParsedMessage(parsing: row.bytes)
        if let envelope = row.envelope {
            #expect(TruthForm.envelope(message.imapEnvelope(of: message.root)) == envelope)
        }
        if let structure = row.bodyStructure {
            #expect(TruthForm.bodyStructure(message.imapBodyStructure(of: message.root)) == structure)
        }
    }

    @Test func `The fixtures are there`() { #expect(Self.rows.count >= 200) }

    static let rows: [Row] = {
        let own = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Fixtures/mime"
        )
        guard let suites = ProcessInfo.processInfo.environment["OONRUMAIL_SUITES"] else {
            return read(own, truth: "truth.jsonl")
        }
        return read(URL(filePath: suites).appending(path: "mime"), truth: "hard-corpora-truth.jsonl")
    }()

    private static func read(_ folder: URL, truth: String) -> [Row] {
        guard let text = try? Data(contentsOf: folder.appending(path: truth)) else { return [] }
        return text.split(separator: 10).compactMap { line in
            guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
                let file = object["file"] as? String, let size = object["size"] as? Int,
                let bytes = try? Data(contentsOf: folder.appending(path: local(file)))
            else { return nil }
            let message = prepared(Array(bytes))
            precondition(message.count == size, "\(file) is not the message that the truth is of")
            return Row(
                file: file,
                bytes: message,
                envelope: object["envelope"].map { IMAPValue(json: $0) },
                bodyStructure: object["bodystructure"].map { IMAPValue(json: $0) }
            )
        }
    }

    private static func local(_ file: String) -> String {
        let folders = [
            "test/resources/": "mime4j/", "/usr/lib/python3.11/test/test_email/data/": "cpython/",
            "ruby-mail/spec/fixtures/": "ruby-mail/", "mail-parser/resources/": "mail-parser/",
        ]
        for (theirs, ours) in folders where file.hasPrefix(theirs) { return ours + file.dropFirst(theirs.count) }
        return file
    }

    /// Without NUL and the line of an mbox, every line end as CRLF.
    private static func prepared(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var last: UInt8 = 0
        for byte in bytes where byte != 0 {
            if byte == 10 {
                if last != 13 { output += [13, 10] }
            } else {
                if byte == 13 { output += [13, 10] } else { output.append(byte) }
            }
            last = byte
        }
        guard output.starts(with: Array("From ".utf8)), let end = output.firstIndex(of: 10) else { return output }
        return Array(output[(end + 1)...])
    }
}
