/// Why octets are no CSV, and where.
package struct CSVFault: Error, Hashable, Sendable {
    package enum Reason: Hashable, Sendable {
        /// Not UTF-8 (RFC 3629).
        case notUTF8
        /// NUL, which is in no text.
        case hasNUL
        /// A quote within a cell that does not begin with one, or octets behind the closing one.
        case strayQuote
        /// The text ends within quotes.
        case openQuote
        /// CR that no LF follows, outside quotes.
        case bareCR
        /// A row with more or fewer cells than the first.
        case cells(expected: Int, found: Int)
        case tooManyRows(Int)
        case tooManyCells(Int)
        case cellTooLong(Int)
    }

    package var reason: Reason
    /// The first is 1; for a row of several lines the one that it begins in.
    package var line: Int
    package init(_ reason: Reason, line: Int) { (self.reason, self.line) = (reason, line) }

    package var text: String {
        switch reason {
        case .notUTF8: "the text is not UTF-8"
        case .hasNUL: "the text has a NUL"
        case .strayQuote: "a quote stands where none may"
        case .openQuote: "a quote is not closed"
        case .bareCR: "a CR stands without LF"
        case .cells(let expected, let found): "the row has \(found) cells, the header has \(expected)"
        case .tooManyRows(let limit): "there are more than \(limit) rows"
        case .tooManyCells(let limit): "a row has more than \(limit) cells"
        case .cellTooLong(let limit): "a cell has more than \(limit) octets"
        }
    }
}
