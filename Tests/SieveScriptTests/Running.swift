import MailModel
import SieveScript

/// Reads and runs, with facts that a test may change.
enum Running {
    static let message = """
        From: "Sender, The" <sender+list@example.test>
        To: recipient@example.test, Other <other@sub.example.test>
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from afar
        Date: Wed, 29 Jul 2009 18:21:44 +0300
        Message-ID: <1@example.test>
        X-Number: 42
        X-Twice: first
        X-Twice: second

        Hello, world
        """

    static func facts() -> SieveFacts {
        var facts = SieveFacts(now: Timestamp(seconds: 1_780_000_000))
        facts.envelopeFrom = "sender+list@example.test"
        facts.envelopeTo = "recipient@example.test"
        return facts
    }

    static func outcome(
        _ script: String,
        message: String = message,
        facts: SieveFacts = facts(),
        limits: SieveLimits = SieveLimits()
    ) throws -> SieveOutcome {
        try SieveScript(Array(script.utf8), limits: limits).run(on: StoredMessage(message), facts, limits: limits)
    }

    static func actions(
        _ script: String,
        message: String = message,
        facts: SieveFacts = facts(),
        limits: SieveLimits = SieveLimits()
    ) throws -> [SieveAction] {
        try outcome(script, message: message, facts: facts, limits: limits).actions
    }

    /// Whether the test is true.
    static func holds(
        _ require: String,
        _ test: String,
        message: String = message,
        facts: SieveFacts = facts()
    ) throws -> Bool {
        let script = "require [\(require)]; if \(test) { discard; }"
        return try actions(script, message: message, facts: facts) == [.discard]
    }

    static func fault(_ script: [UInt8], limits: SieveLimits = SieveLimits()) -> SieveFault? {
        do throws(SieveFault) {
            _ = try SieveScript(script, limits: limits)
            return nil
        } catch { return error }
    }

    static func fault(_ script: String, limits: SieveLimits = SieveLimits()) -> SieveFault? {
        fault(Array(script.utf8), limits: limits)
    }

    static func runFault(
        _ script: String,
        message: String = message,
        limits: SieveLimits = SieveLimits()
    ) throws -> SieveRunFault? {
        let script = try SieveScript(Array(script.utf8), limits: limits)
        do throws(SieveRunFault) {
            _ = try script.run(on: StoredMessage(message), facts(), limits: limits)
            return nil
        } catch { return error }
    }
}
