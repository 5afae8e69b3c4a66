/// Keeps spreadsheets from running what somebody wrote into a name.
///
/// A cell that begins with `=`, `+`, `-`, `@`, a tab, CR or LF is a formula, or becomes one, where the file is opened. An
/// apostrophe in front makes it text there. Cells that already look so guarded get one more, so that reading gives back
/// every cell as it was: `-x` is `'-x` in the file, `'-x` is `''-x`, and `'x` stays.
package enum FormulaGuard {
    /// As it stands in a file.
    package static func guarded(_ cell: String) -> String {
        looksGuarded(cell) || isFormula(cell.utf8) ? "'" + cell : cell
    }

    /// What a cell of a file means.
    package static func unguarded(_ cell: String) -> String {
        looksGuarded(cell) ? String(decoding: cell.utf8.dropFirst(), as: UTF8.self) : cell
    }

    /// Apostrophes, then the beginning of a formula.
    private static func looksGuarded(_ cell: String) -> Bool {
        cell.utf8.first == 39 && isFormula(cell.utf8.drop { $0 == 39 })
    }

    private static func isFormula(_ bytes: some Collection<UInt8>) -> Bool {
        switch bytes.first {
        case 61, 43, 45, 64, 9, 13, 10: true
        default: false
        }
    }
}
