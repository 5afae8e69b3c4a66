/// A script that was read and checked (RFC 5228): what `run` does with any message is bounded and has no effect.
///
/// - Invariants: reading and running work on octets; every depth, count and length is bounded by `SieveLimits`; a run does
///   nothing but tell what is to be done, and tells the same for the same message and facts.
package struct SieveScript: Sendable {
    /// What `require` takes.
    package static let extensions: [String] = SieveChecker.extensions

    let statements: [SieveStatement]
    /// Extensions that are in force.
    package let required: Set<String>

    /// Reads and checks; everything that can be known of a script before it runs is known then.
    package init(_ text: [UInt8], limits: SieveLimits = SieveLimits()) throws(SieveFault) {
        var parser = try SieveParser(text, limits: limits)
        var checker = SieveChecker(limits: limits)
        statements = try checker.script(try parser.script())
        required = checker.required
    }

    /// What the script wants done with the message.
    package func run(
        on message: some SieveMessage,
        _ facts: SieveFacts,
        limits: SieveLimits = SieveLimits()
    ) throws(SieveRunFault) -> SieveOutcome {
        var run = SieveRun(message: message, facts: facts, limits: limits)
        _ = try run.block(statements)
        return try run.finished()
    }
}
