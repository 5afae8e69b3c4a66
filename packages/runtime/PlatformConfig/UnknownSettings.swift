/// Finds names with the platform's prefix that are no settings, most often misspelt ones.
enum UnknownSettings {
    static let prefix = "OONRUMAIL_"
    /// Read elsewhere: the file of settings itself, and what tests and build scripts use.
    private static let others: Set<String> = [
        "OONRUMAIL_ENV_FILE", "OONRUMAIL_EXECUTABLE", "OONRUMAIL_FUZZ", "OONRUMAIL_BENCH", "OONRUMAIL_SHAPE",
    ]

    static func warnings(of names: some Sequence<String>) -> [String] {
        let known = Set(Settings.all.map(\.name))
        return Set(names).sorted().compactMap { name in
            guard name.utf8.starts(with: prefix.utf8), !known.contains(name), !others.contains(name) else { return nil }
            guard !isServiceLink(name) else { return nil }
            let nearest = known.min { (distance(name, $0), $0) < (distance(name, $1), $1) }
            let hint = nearest.flatMap { distance(name, $0) <= 5 ? "; did you mean \($0)?" : nil } ?? ""
            return "\(SettingText.shown(name)) is not a setting\(hint)"
        }
    }

    /// Kubernetes announces services to pods with such names.
    private static func isServiceLink(_ name: String) -> Bool {
        let parts = name.utf8.split(separator: 95).map { String(decoding: $0, as: UTF8.self) }
        return parts.suffix(2) == ["SERVICE", "HOST"]
            || zip(parts, parts.dropFirst()).contains { $0 == "SERVICE" && $1 == "PORT" }
            || zip(parts, parts.dropFirst()).contains { $0 == "PORT" && UInt16($1) != nil }
    }

    /// Levenshtein's, over bytes.
    static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (index, byte) in left.utf8.prefix(128).enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in right.indices {
                let cost = byte == right[column] ? diagonal : min(diagonal, row[column], row[column + 1]) + 1
                diagonal = row[column + 1]
                row[column + 1] = cost
            }
        }
        return row[right.count]
    }
}
