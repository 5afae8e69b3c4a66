import Foundation
import MailModel
import SieveScript
import Testing

/// Where the suites are that are no part of the platform; nil when they are not here.
private let sharedSuites = ProcessInfo.processInfo.environment["OONRUMAIL_SUITES"]

/// Scripts, messages and verdicts of another implementation's tests; the file is not part of the platform.
///
/// `OONRUMAIL_SUITES` names the folder; a script files into TPASS when all its own tests held.
@Suite(.enabled(if: sharedSuites != nil)) struct SieveCasesTests {
    struct Case: Decodable, CustomTestStringConvertible {
        var id: String
        var title: String
        /// `check` or `run`.
        var kind: String
        var script: String
        var message: String?
        /// Of a check: `ok` or `bad`.
        var expect: String?
        var testDescription: String { id }

        /// What `require` names in it.
        var extensions: [String] {
            script.split(separator: ";").filter { $0.contains("require") }.flatMap { command in
                command.split(separator: "\"").enumerated().filter { !$0.offset.isMultiple(of: 2) }
                    .map { String($0.element) }
            }
        }
        var isKnown: Bool { extensions.allSatisfy(SieveScript.extensions.contains) }
    }

    static let cases: [Case] = {
        guard let folder = sharedSuites else { return [] }
        let file = URL(filePath: folder).appending(path: "sieve/sieve-cases-shared.json")
        guard let data = try? Data(contentsOf: file) else { return [] }
        return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
    }()

    @Test func `The cases are there`() {
        #expect(Self.cases.count >= 131)
    }

    @Test(arguments: cases.filter { $0.isKnown })
    func `A script means what others take it for`(row: Case) throws {
        if row.kind == "check" {
            let isGood = (try? SieveScript(Array(row.script.utf8))) != nil
            #expect(isGood == (row.expect == "ok"))
            return
        }
        let script = try SieveScript(Array(row.script.utf8))
        var facts = SieveFacts(now: Timestamp(seconds: 1_780_000_000))
        facts.envelopeFrom = "sender@example.test"
        facts.envelopeTo = "recipient@example.test"
        facts.mailboxExists = { $0 == "INBOX" }
        facts.environment = [
            "name": "Pigeonhole Sieve", "version": "1", "location": "MDA", "phase": "during", "domain": "example.test",
            "host": "mail.example.test",
        ]
        let outcome = try script.run(on: StoredMessage(row.message ?? ""), facts)
        let mailboxes = outcome.actions.compactMap { action in
            if case .fileInto(let filing) = action { filing.mailbox } else { nil }
        }
        #expect(mailboxes == ["TPASS"], "\(outcome)")
    }
}
