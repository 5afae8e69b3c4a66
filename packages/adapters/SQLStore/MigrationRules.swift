package import MailPorts

/// Reads the statements of migrations, for the plan that an operator sees and for the rule that keeps releases
/// compatible.
package enum MigrationRules {
    /// Words in capitals, without punctuation, up to the first text in quotes.
    private static func words(_ statement: String) -> [String] {
        statement.utf8.split {
            !($0 == 95 || (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0))
        }
        .map { String(decoding: $0.map { (97...122).contains($0) ? $0 - 32 : $0 }, as: UTF8.self) }
    }

    /// The table of a `CREATE TABLE`.
    static func tableMade(by statement: String) -> String? {
        let words = words(statement)
        guard words.starts(with: ["CREATE", "TABLE"]) else { return nil }
        return words.dropFirst(2).first { !["IF", "NOT", "EXISTS"].contains($0) }
    }

    package static func effects(of statement: String, newTables: [String] = []) -> [SchemaPlan.Effect] {
        let words = words(statement)
        var effects: [SchemaPlan.Effect] = []
        if takesAway(words) { effects.append(.destructive) }
        if let table = lockedTable(words), !newTables.contains(table) { effects.append(.locksTable) }
        return effects
    }

    private static func takesAway(_ words: [String]) -> Bool {
        switch words.first {
        case "DROP", "TRUNCATE", "DELETE", "UPDATE": return true
        case "ALTER":
            if ["DROP", "RENAME", "TYPE"].contains(where: words.contains) { return true }
            // Programs that do not know a column do not fill it.
            let places = words.indices.dropLast().filter { words[$0] == "NOT" && words[$0 + 1] == "NULL" }
            return !places.isEmpty && !words.contains("DEFAULT")
        default: return false
        }
    }

    private static func lockedTable(_ words: [String]) -> String? {
        switch words.first {
        case "ALTER", "DROP", "TRUNCATE": words.dropFirst(2).first { !["IF", "EXISTS", "ONLY"].contains($0) }
        case "CREATE" where words.contains("INDEX") && !words.contains("CONCURRENTLY"):
            words.firstIndex(of: "ON").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        case "UPDATE", "DELETE": words.dropFirst().first { $0 != "FROM" }
        default: nil
        }
    }

    /// What is wrong with a list of migrations; empty when a release may have it.
    package static func problems(of migrations: [Migration]) -> [String] {
        var problems: [String] = []
        for (place, migration) in migrations.enumerated() {
            let title = "migration \(migration.version) (\(migration.name))"
            if migration.version != Int64(place + 1) { problems.append("\(title) should have the number \(place + 1)") }
            if place == 0 { continue }
            let isExpand = migration.name.utf8.starts(with: "expand-".utf8)
            let isContract = migration.name.utf8.starts(with: "contract-".utf8)
            if !isExpand, !isContract { problems.append("\(title) is named neither expand-… nor contract-…") }
            let new = migration.statements.compactMap { tableMade(by: $0) }
            for statement in migration.statements where effects(of: statement, newTables: new).contains(.destructive) {
                if !isContract { problems.append("\(title) takes something away: \(statement)") }
            }
            guard isContract else { continue }
            let expand = migrations[..<place].first { $0.version == migration.contracts }
            if expand?.name.utf8.starts(with: "expand-".utf8) != true {
                problems.append("\(title) names no earlier expand-…")
            }
        }
        return problems
    }
}
