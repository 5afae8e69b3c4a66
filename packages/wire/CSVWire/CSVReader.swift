/// Bounds of what is read.
package struct CSVLimits: Sendable {
    /// Rows behind the header.
    package var rows = 1_000
    /// Cells of one row.
    package var cells = 32
    /// Octets of one cell.
    package var cell = 512 << 10
    package init() {}
}

/// A row as it was written, and the line that it begins in.
package struct CSVRow: Hashable, Sendable {
    package var line: Int
    package var cells: [String]
    package init(line: Int, cells: [String]) { (self.line, self.cells) = (line, cells) }
}

/// Reads CSV (RFC 4180) as UTF-8, with or without a byte order mark.
///
/// A small reader of our own: no Swift package for it is among those that the platform is built from, and the grammar has
/// four productions. It is strict where spreadsheets agree: a quote stands at the ends of a cell or is doubled within
/// quotes, and every row has as many cells as the first. Lines without octets are passed over, as editors leave one.
///
/// - Invariants: what is read is valid UTF-8 without NUL; nothing is cut short in silence; work and memory grow with the
///   octets, within the limits.
package enum CSVReader {
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Every row, the header first; empty for a text without rows.
    ///
    /// `file = [header CRLF] record *(CRLF record) [CRLF]` (RFC 4180 §2).
    ///
    /// Deviation: LF alone ends a line too, as most programs but spreadsheets write it.
    package static func rows(of bytes: [UInt8], limits: CSVLimits = CSVLimits()) throws(CSVFault) -> [CSVRow] {
        let body = bytes.starts(with: mark) ? bytes[mark.count...] : bytes[...]
        var reading = Reading(limits: limits)
        for byte in body { try reading.take(byte) }
        return try reading.end()
    }

    private enum Place {
        case cellStart, plain, quoted
        /// Behind a quote within quotes: the end of the cell, or the first of two.
        case quote
        /// Behind CR outside quotes.
        case carriageReturn
    }

    private struct Reading {
        let limits: CSVLimits
        var place = Place.cellStart
        var rows: [CSVRow] = []
        var cells: [String] = []
        var cell: [UInt8] = []
        /// Whether the row has any octet, quotes among them.
        var isBegun = false
        var line = 1
        var start = 1

        init(limits: CSVLimits) { self.limits = limits }

        /// `escaped = DQUOTE *(TEXTDATA / COMMA / CR / LF / 2DQUOTE) DQUOTE`, `non-escaped = *TEXTDATA`.
        mutating func take(_ byte: UInt8) throws(CSVFault) {
            guard byte != 0 else { throw fault(.hasNUL) }
            switch (place, byte) {
            case (.carriageReturn, 10): try endRow()
            case (.carriageReturn, _): throw fault(.bareCR)
            case (.quoted, 34): place = .quote
            case (.quoted, _): try keep(byte)
            case (.quote, 34):
                place = .quoted
                try keep(byte)
            case (.cellStart, 34):
                (place, isBegun) = (.quoted, true)
            case (.plain, 34): throw fault(.strayQuote)
            case (_, 44):
                isBegun = true
                try endCell()
            case (_, 10): try endRow()
            case (_, 13): place = .carriageReturn
            case (.quote, _): throw fault(.strayQuote)
            case (.cellStart, _), (.plain, _):
                (place, isBegun) = (.plain, true)
                try keep(byte)
            }
            if byte == 10 { line += 1 }
            if byte == 10, !isBegun { start = line }
        }

        private mutating func keep(_ byte: UInt8) throws(CSVFault) {
            guard cell.count < limits.cell else { throw fault(.cellTooLong(limits.cell)) }
            cell.append(byte)
        }

        private mutating func endCell() throws(CSVFault) {
            guard let text = String(validating: cell, as: UTF8.self) else { throw fault(.notUTF8) }
            guard cells.count < limits.cells else { throw fault(.tooManyCells(limits.cells)) }
            cells.append(text)
            cell.removeAll(keepingCapacity: true)
            place = .cellStart
        }

        private mutating func endRow() throws(CSVFault) {
            guard isBegun else {
                place = .cellStart
                return
            }
            try endCell()
            if let width = rows.first?.cells.count, cells.count != width {
                throw fault(.cells(expected: width, found: cells.count))
            }
            guard rows.count <= limits.rows else { throw fault(.tooManyRows(limits.rows)) }
            rows.append(CSVRow(line: start, cells: cells))
            cells = []
            isBegun = false
        }

        mutating func end() throws(CSVFault) -> [CSVRow] {
            switch place {
            case .quoted: throw fault(.openQuote)
            case .carriageReturn: throw fault(.bareCR)
            case .cellStart, .plain, .quote: try endRow()
            }
            return rows
        }

        private func fault(_ reason: CSVFault.Reason) -> CSVFault { CSVFault(reason, line: start) }
    }
}
