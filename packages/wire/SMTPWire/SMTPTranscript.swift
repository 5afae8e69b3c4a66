/// A conversation for the operator: `C: ` and `S: ` lines, without content and credentials, bounded.
package struct SMTPTranscript: Sendable {
    /// Octets kept; the port's contract for a queue attempt.
    package static let maximumSize = 16 << 10

    package private(set) var text = ""
    private var isFull = false

    package init() {}

    mutating func client(_ line: String) { append("C: \(line)\n") }

    mutating func server(_ reply: SMTPReply) {
        let prefix = reply.status.map { "\($0) " } ?? ""
        for (index, line) in reply.lines.enumerated() {
            append("S: \(reply.code)\(index == reply.lines.count - 1 ? " " : "-")\(prefix)\(line)\n")
        }
    }

    mutating func note(_ line: String) { append("-- \(line)\n") }

    private mutating func append(_ line: String) {
        guard !isFull else { return }
        guard text.utf8.count + line.utf8.count <= Self.maximumSize - 4 else {
            isFull = true
            text += "...\n"
            return
        }
        text += line
    }
}
