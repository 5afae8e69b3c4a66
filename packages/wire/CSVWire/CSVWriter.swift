/// Writes CSV (RFC 4180): lines end with CRLF, cells are quoted where they must be.
package struct CSVWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    package init() {}

    package mutating func add(_ cells: [String]) {
        for (place, cell) in cells.enumerated() {
            if place > 0 { bytes.append(44) }
            // A row of one empty cell would be a line without octets, which is no row.
            add(cell, isAlone: cells.count == 1)
        }
        bytes += [13, 10]
    }

    private mutating func add(_ cell: String, isAlone: Bool) {
        let needsQuotes = cell.utf8.contains { $0 == 34 || $0 == 44 || $0 == 13 || $0 == 10 }
        guard needsQuotes || isAlone && cell.isEmpty || cell.utf8.starts(with: [0xEF, 0xBB, 0xBF]) else {
            bytes += cell.utf8
            return
        }
        bytes.append(34)
        for byte in cell.utf8 {
            if byte == 34 { bytes.append(34) }
            bytes.append(byte)
        }
        bytes.append(34)
    }
}
