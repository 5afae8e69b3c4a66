/// A script that was read and checked (RFC 5228): what `run` does with any message is bounded and has no effect.
package struct SieveScript: Sendable {
    /// What `require` takes.
    package static let extensions: [String] = []

    /// Reads and checks; everything that can be known of a script before it runs is known then.
    package init(_ text: [UInt8], limits: SieveLimits = SieveLimits()) throws(SieveFault) {
        guard text.count <= limits.scriptLength else {
            throw SieveFault(line: 1, column: 1, sentence: "The script is too long.")
        }
    }

    /// What the script wants done with the message.
    package func run(
        on message: some SieveMessage,
        _ facts: SieveFacts,
        limits: SieveLimits = SieveLimits()
    ) throws(SieveRunFault) -> SieveOutcome {
        var outcome = SieveOutcome()
        outcome.actions = [.keep(flags: nil)]
        outcome.isImplicitlyKept = true
        return outcome
    }
}
