import CSVWire
import Testing

@Suite struct CSVReaderTests {
    struct Good: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        var rows: [CSVRow]
        init(_ name: String, _ text: String, _ rows: [(Int, [String])]) {
            (testDescription, self.text, self.rows) = (name, text, rows.map { CSVRow(line: $0.0, cells: $0.1) })
        }
    }

    static let good: [Good] = [
        Good("nothing", "", []),
        Good("lines without octets", "\r\n\n\r\n", []),
        Good("CRLF", "a,b\r\n1,2\r\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
        Good("LF, no end", "a,b\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])]),
        Good("a byte order mark", "\u{FEFF}a\n1\n", [(1, ["a"]), (2, ["1"])]),
        Good(
            "quotes, commas, lines",
            "a,b\r\n\"x, \"\"y\"\"\",\"p\r\nq\"\r\n1,2",
            [
                (1, ["a", "b"]), (2, ["x, \"y\"", "p\r\nq"]), (4, ["1", "2"]),
            ]
        ),
        Good("empty cells", "a,b\n,\n\"\",\"\"", [(1, ["a", "b"]), (2, ["", ""]), (3, ["", ""])]),
        Good("an empty cell alone", "a\n\"\"\n", [(1, ["a"]), (2, [""])]),
        Good("a line between rows", "a\n\n1\n", [(1, ["a"]), (3, ["1"])]),
        Good("a mark behind a quote", "a\n\"\"\"\u{301}x\"\n", [(1, ["a"]), (2, ["\"\u{301}x"])]),
    ]

    @Test(arguments: good) func `rows are read`(_ row: Good) throws {
        let read = try CSVReader.rows(of: Array(row.text.utf8))
        #expect(read.map(\.line) == row.rows.map(\.line))
        #expect(read.map { $0.cells.map { Array($0.utf8) } } == row.rows.map { $0.cells.map { Array($0.utf8) } })
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var fault: CSVFault
        init(_ name: String, _ text: String, _ reason: CSVFault.Reason, line: Int) {
            self.init(name, Array(text.utf8), reason, line: line)
        }
        init(_ name: String, _ bytes: [UInt8], _ reason: CSVFault.Reason, line: Int) {
            (testDescription, self.bytes, fault) = (name, bytes, CSVFault(reason, line: line))
        }
    }

    static let bad: [Bad] = [
        Bad("a quote within", "a\nx\"y\n", .strayQuote, line: 2),
        Bad("octets behind a quote", "a\n\"x\"y\n", .strayQuote, line: 2),
        Bad("an open quote", "a\n\n\"x\ny", .openQuote, line: 3),
        Bad("CR alone", "a\rb\n", .bareCR, line: 1),
        Bad("CR at the end", "a\r", .bareCR, line: 1),
        Bad("NUL", "a\n\0", .hasNUL, line: 2),
        Bad("no UTF-8", [97, 10, 0xC3, 0x28, 10], .notUTF8, line: 2),
        Bad("a cell too few", "a,b\n1\n", .cells(expected: 2, found: 1), line: 2),
        Bad("a cell too many", "a,b\n1,2,3\n", .cells(expected: 2, found: 3), line: 2),
        Bad("too many rows", "a\n1\n2\n3\n4\n", .tooManyRows(3), line: 5),
        Bad("too many cells", "a,b,c,d,e\n", .tooManyCells(4), line: 1),
        Bad("a long cell", "a\n123456789\n", .cellTooLong(8), line: 2),
    ]

    @Test(arguments: bad) func `what is no CSV is refused by its line`(_ row: Bad) {
        var limits = CSVLimits()
        (limits.rows, limits.cells, limits.cell) = (3, 4, 8)
        #expect(throws: row.fault) { try CSVReader.rows(of: row.bytes, limits: limits) }
    }

    @Test func `every cell comes back, guarded or not`() throws {
        var random = SystemRandomNumberGenerator()
        let parts = [
            "a", "\"", ",", "\r\n", "\n", "\r", "'", "=", "+", "-", "@", "\t", " ", ";", "ü", "\u{301}", "\u{FEFF}",
            "日本", "😀",
            "\u{202E}", "\u{7F}",
        ]
        for _ in 0..<500 {
            let width = Int.random(in: 1...4, using: &random)
            let rows = (0...Int.random(in: 0...5, using: &random)).map { _ in
                (0..<width).map { _ in
                    (0..<Int.random(in: 0...6, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
                        .joined()
                }
            }
            var writer = CSVWriter()
            for row in rows { writer.add(row.map(FormulaGuard.guarded)) }
            let read = try CSVReader.rows(of: writer.bytes)
            let cells = read.map { $0.cells.map { Array(FormulaGuard.unguarded($0).utf8) } }
            #expect(cells == rows.map { $0.map { Array($0.utf8) } })
            #expect(read.flatMap(\.cells).allSatisfy { !"=+-@\t\r\n".utf8.contains($0.utf8.first ?? 0) })
        }
    }

    @Test func `a guard is one apostrophe more`() {
        for (cell, file) in [
            ("-x", "'-x"), ("'-x", "''-x"), ("'x", "'x"), ("", ""), ("'", "'"), ("''=", "'''="), ("x=", "x="),
        ] {
            #expect(FormulaGuard.guarded(cell) == file && FormulaGuard.unguarded(file) == cell)
        }
        // What somebody typed without a guard is taken as it is.
        #expect(FormulaGuard.unguarded("=x") == "=x")
    }
}
