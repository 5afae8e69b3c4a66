import CSVWire

// Reads arbitrary bytes as CSV; what is read, written and read again must be the same, guarded or not.

/// libFuzzer's driver with its command line.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutableRawPointer,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What the build takes for `main`.
@_cdecl("CSVFuzz_main")
public func start(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    var (count, arguments) = (count, arguments)
    return unsafe runFuzzer(&count, &arguments, fuzzOneInput)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    var limits = CSVLimits()
    (limits.rows, limits.cells, limits.cell) = (50, 8, 2_000)
    guard let rows = try? CSVReader.rows(of: bytes, limits: limits) else { return 0 }
    precondition(rows.count <= limits.rows + 1, "more rows than the limit")
    precondition(zip(rows, rows.dropFirst()).allSatisfy { $0.line < $1.line }, "lines do not ascend")
    var (plain, guarded) = (CSVWriter(), CSVWriter())
    for row in rows {
        precondition(row.cells.count <= limits.cells && row.cells.count == rows[0].cells.count, "cells")
        plain.add(row.cells)
        guarded.add(row.cells.map(FormulaGuard.guarded))
    }
    limits.cell += 1
    guard let again = try? CSVReader.rows(of: plain.bytes, limits: limits),
        let opened = try? CSVReader.rows(of: guarded.bytes, limits: limits)
    else { preconditionFailure("what was written is not read") }
    precondition(
        again.map { $0.cells.map { Array($0.utf8) } } == rows.map { $0.cells.map { Array($0.utf8) } },
        "changed"
    )
    for (row, cells) in zip(rows, opened) {
        for (cell, file) in zip(row.cells, cells.cells) {
            precondition(Array(FormulaGuard.unguarded(file).utf8) == Array(cell.utf8), "the guard changed a cell")
            precondition(!"=+-@\t\r\n".utf8.contains(file.utf8.first ?? 0), "a formula is left")
        }
    }
    return 0
}
