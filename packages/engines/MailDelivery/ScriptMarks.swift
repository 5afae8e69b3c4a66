import ByteParsing
import MailModel
import MailPorts

/// Flags as scripts write them (RFC 5232), as messages have them.
enum ScriptMarks {
    /// Octets of a keyword that is kept.
    private static let longest = 255
    private static let system: [String: MessageFlags] = [
        "\\seen": .seen, "\\answered": .answered, "\\flagged": .flagged, "\\deleted": .deleted, "\\draft": .draft,
    ]

    /// What is neither a system flag nor an atom is left out.
    static func marks(_ names: [String]) -> Filing.Marks {
        var marks = Filing.Marks()
        for name in names {
            if let flag = system[EmailAddress.lowercased(name)] {
                marks.flags.insert(flag)
            } else if isKeyword(name) {
                marks.keywords.insert(name)
            }
        }
        return marks
    }

    static func names(_ flags: MessageFlags, _ keywords: Keywords) -> [String] {
        let order: [(MessageFlags, String)] = [
            (.seen, "\\Seen"), (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"),
            (.draft, "\\Draft"),
        ]
        return order.filter { flags.contains($0.0) }.map(\.1) + keywords.names
    }

    /// `atom` of RFC 9051 §9.
    private static func isKeyword(_ name: String) -> Bool {
        (1...longest).contains(name.utf8.count)
            && name.utf8.allSatisfy { (33...126).contains($0) && !Array("(){%*\"\\]".utf8).contains($0) }
    }
}

extension Filing.Marks {
    mutating func add(_ other: Filing.Marks) {
        flags.formUnion(other.flags)
        for name in other.keywords.names { keywords.insert(name) }
    }
}
