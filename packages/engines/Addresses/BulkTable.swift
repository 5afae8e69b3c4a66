import CSVWire
import MailModel
package import MailPorts

/// A table as its text has it: cells by column, and the line of each row.
struct BulkTable: Sendable {
    struct Row: Sendable {
        var line: Int
        /// Of columns that the table has.
        var cells: [BulkColumn: String]
    }

    var rows: [Row]

    /// - Throws: `.refused` as `line N`, with the whole table to blame.
    init(_ bytes: [UInt8], of kind: BulkKind, _ limits: BulkLimits) throws(BulkFault) {
        guard bytes.count <= limits.octets else { throw .tooLarge(limits.octets) }
        var bounds = CSVLimits()
        bounds.rows = limits.rows
        let read: [CSVRow]
        do throws(CSVFault) {
            read = try CSVReader.rows(of: bytes, limits: bounds)
        } catch {
            throw .unreadable(line: error.line, error.text)
        }
        guard let header = read.first else { throw .unreadable(line: 1, "there is no header") }
        let columns = try Self.columns(header, kind)
        rows = read.dropFirst().map { row in
            Row(
                line: row.line,
                cells: Dictionary(uniqueKeysWithValues: zip(columns, row.cells.map(FormulaGuard.unguarded)))
            )
        }
    }

    private static func columns(_ header: CSVRow, _ kind: BulkKind) throws(BulkFault) -> [BulkColumn] {
        let known = kind.columns + kind.more
        var columns: [BulkColumn] = []
        for name in header.cells {
            guard let column = BulkColumn(rawValue: name), known.contains(column) else {
                let names = known.map(\.rawValue).joined(separator: ", ")
                // A name as long as it likes would be an answer as long.
                let shown = String(decoding: name.utf8.prefix(60).map { $0 < 32 || $0 == 127 ? 63 : $0 }, as: UTF8.self)
                throw .unreadable(line: header.line, "the column \"\(shown)\" is not known; there are \(names)")
            }
            guard !columns.contains(column) else {
                throw .unreadable(line: header.line, "the column \(name) is there twice")
            }
            columns.append(column)
        }
        guard columns.contains(.address) else { throw .unreadable(line: header.line, "the column address is missing") }
        if kind == .aliases, !columns.contains(.targets) {
            throw .unreadable(line: header.line, "the column targets is missing")
        }
        return columns
    }
}

/// Why a table is not imported at all.
package enum BulkFault: Error, Equatable, Sendable {
    case unreadable(line: Int, String)
    case tooLarge(Int)
    /// Of this kind nothing is imported.
    case exportedOnly(BulkKind)
    /// More invitations than may be sent today.
    case tooMany(retryAfterSeconds: Int)
    case store(StoreError)

    package var text: String {
        switch self {
        case .unreadable(let line, let why): "line \(line): \(why)"
        case .tooLarge(let limit): "an import has at most \(limit) octets"
        case .exportedOnly(let kind): "\(kind.rawValue) addresses are not imported: their owners make them"
        case .tooMany: "the organisation has sent as many invitations as it may today"
        case .store: "the store cannot do it now"
        }
    }
}

/// Why one cell cannot be taken.
struct BulkCellFault: Error {
    var column: BulkColumn
    var why: String
    init(_ column: BulkColumn, _ why: String) { (self.column, self.why) = (column, why) }
}
