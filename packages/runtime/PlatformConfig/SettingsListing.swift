/// Prints the settings for people and for `.env.example`.
package enum SettingsListing {
    /// A commented `.env` file with every setting at its default.
    package static func environmentExample() -> String {
        var lines = [
            "# Settings of OONRUMAIL. Uncomment what you change; `oonrumail config list` shows what is in force."
        ]
        var group: SettingGroup?
        for setting in Settings.all {
            if setting.group != group {
                group = setting.group
                lines += ["", "# --- \(setting.group.rawValue) ---"]
            }
            let standard = setting.defaultText(production: false)
            let production = setting.defaultText(production: true)
            let more = standard == production ? "" : " (\(production) with --production)"
            lines += [
                "", "# \(setting.meaning). Takes \(setting.allowed)\(more).", "#\(setting.name)=\(quoted(standard))",
            ]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The settings in force, in groups.
    package static func text(_ settings: PlatformSettings) -> String {
        var lines: [String] = []
        var group: SettingGroup?
        for row in settings.rows {
            if row.setting.group != group {
                group = row.setting.group
                lines += [lines.isEmpty ? "" : "\n", "[\(row.setting.group.rawValue)]"].filter { !$0.isEmpty }
            }
            let value = row.value.isEmpty ? "(none)" : row.value
            let standard = row.standard.isEmpty ? "(none)" : row.standard
            lines.append("\(row.setting.name) = \(value)")
            lines.append(
                "    \(row.setting.meaning). Takes \(row.setting.allowed). Default \(standard). From \(row.origin.rawValue)."
            )
        }
        return lines.joined(separator: "\n")
    }

    private static func quoted(_ text: String) -> String {
        text.utf8.contains(32) || text.utf8.contains(35) ? "\"\(text)\"" : text
    }
}
