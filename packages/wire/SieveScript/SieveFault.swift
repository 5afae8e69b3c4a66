/// Why a text is no script that can run, and where; permanent until the text changes.
package struct SieveFault: Error, Hashable, Sendable {
    /// The first is 1.
    package var line: Int
    /// In octets from the line's beginning; the first is 1.
    package var column: Int
    /// One sentence for the author: what is wrong, and what to do.
    package var sentence: String
    package init(line: Int, column: Int, sentence: String) {
        (self.line, self.column, self.sentence) = (line, column, sentence)
    }
}

/// Why a run ended before its end.
///
/// RFC 5228 §2.10.6: whoever ran it keeps the message, unless actions were done already; a run does none itself.
package struct SieveRunFault: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// A bound of `SieveLimits`.
        case limit
        /// Actions that exclude one another (RFC 5429 §2.5, RFC 5230 §4.7).
        case conflict
        /// A value that became known in the run only: an address, a mailbox, a header name.
        case value
        /// The command `error` (RFC 5463 §5).
        case script
    }

    package var reason: Reason
    package var line: Int
    package var column: Int
    package var sentence: String
    package init(_ reason: Reason, line: Int, column: Int, sentence: String) {
        (self.reason, self.line, self.column, self.sentence) = (reason, line, column, sentence)
    }
}
