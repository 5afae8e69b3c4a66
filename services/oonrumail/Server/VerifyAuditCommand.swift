import ArgumentParser
import MailPorts

/// `verify audit`.
struct VerifyAuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Check the chain of the audit trail; finds one changed octet.",
        discussion: """
            Prints the head of the chain, as NUMBER:HASH. Whoever can write the database can write the trail anew, and cut its \
            end; so keep a head elsewhere and give it with --head: it must be in the chain. Exit code 1 when something is wrong.
            """
    )
    @Option(name: .long, help: "A head that an earlier run printed.") var head: String?
    @OptionGroup var options: StoreOptions

    private struct Document: Encodable {
        var events: Int
        var head: String?
        var broken: Int64?
    }

    func run() async throws {
        let known = try head.map(Self.known)
        try await options.withPorts("verify") { ports in
            let report = try await ports.stores.audit().verifyAudit(known: known)
            let head = report.head.map { "\($0.number):\(Self.hexadecimal($0.hash))" }
            let text =
                report.broken.map { "Event \($0) is not as it was written." }
                ?? "Checked \(report.count) events: all is well. Head: \(head ?? "none")"
            try options.show(Document(events: report.count, head: head, broken: report.broken), text)
            guard report.broken == nil else { throw ExitCode(CommandFailure.Code.failure.rawValue) }
        }
    }

    private static func known(_ text: String) throws -> AuditHead {
        let parts = text.utf8.split(separator: 58, omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int64(String(decoding: parts[0], as: UTF8.self)), parts[1].count == 64
        else {
            throw ValidationError("\(text) is no head such as verify audit prints")
        }
        let digits = Array(parts[1])
        var hash: [UInt8] = []
        for place in stride(from: 0, to: 64, by: 2) {
            guard let octet = UInt8(String(decoding: digits[place...(place + 1)], as: UTF8.self), radix: 16) else {
                throw ValidationError("\(text) is no head such as verify audit prints")
            }
            hash.append(octet)
        }
        return AuditHead(number: number, hash: hash)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
