import MailModel

extension Setting where Value == String {
    static func text(_ name: String, _ group: SettingGroup, _ standard: String, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: standard,
            allowed: "text without control characters",
            meaning: meaning,
            parse: { text in text.utf8.contains { $0 < 32 || $0 == 127 } ? nil : text },
            format: { $0 }
        )
    }

    static func path(_ name: String, _ group: SettingGroup, _ standard: String, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: standard,
            allowed: "a path",
            meaning: meaning,
            parse: { text in text.utf8.contains(0) || text.utf8.count > 4_000 ? nil : text },
            format: { $0 }
        )
    }
}

extension Setting where Value == String? {
    static func optionalPath(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: nil,
            allowed: "a path",
            meaning: meaning,
            parse: { text in text.utf8.contains(0) || text.utf8.count > 4_000 ? nil : .some(text) },
            format: { $0 ?? "" }
        )
    }

    static func optionalText(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: nil,
            allowed: "text without control characters",
            meaning: meaning,
            parse: { text in text.utf8.contains { $0 < 32 || $0 == 127 } ? nil : .some(text) },
            format: { $0 ?? "" }
        )
    }

    static func optionalDomain(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: nil,
            allowed: "a domain name",
            meaning: meaning,
            parse: { EmailAddress.isDomain($0.utf8) ? .some(EmailAddress.lowercased($0)) : nil },
            format: { $0 ?? "" }
        )
    }
}

extension Setting where Value == Bool {
    static func boolean(_ name: String, _ group: SettingGroup, _ standard: Bool, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: standard,
            allowed: "true or false",
            meaning: meaning,
            parse: SettingText.boolean,
            format: { $0 ? "true" : "false" }
        )
    }
}

extension Setting where Value == Int {
    /// The port of another program's service.
    static func servicePort(_ name: String, _ group: SettingGroup, _ standard: Int, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: standard,
            allowed: "a port, 1 to 65535",
            meaning: meaning,
            parse: { text in
                // Kubernetes sets tcp://address:port under NAME_PORT when a service is called name.
                let port = text.utf8.starts(with: "tcp://".utf8) ? HostPort(String(text.dropFirst(6)))?.port : nil
                return (port ?? SettingText.integer(text.utf8)).flatMap { (1...65_535).contains($0) ? $0 : nil }
            },
            format: { "\($0)" }
        )
    }

    static func integer(
        _ name: String,
        _ group: SettingGroup,
        _ standard: Int,
        _ range: ClosedRange<Int>,
        _ meaning: String
    ) -> Setting {
        Setting(
            name,
            group,
            standard: standard,
            allowed: "a whole number, \(range.lowerBound) to \(range.upperBound)",
            meaning: meaning,
            parse: { text in SettingText.integer(text.utf8).flatMap { range.contains($0) ? $0 : nil } },
            format: { "\($0)" }
        )
    }

    static func port(
        _ name: String,
        _ standard: Int,
        production: Int? = nil,
        group: SettingGroup = .listeners,
        _ meaning: String
    ) -> Setting {
        Setting(
            name,
            group,
            standard: standard,
            production: production,
            allowed: "a port, 1 to 65535, or 0 for no such listener",
            meaning: meaning,
            parse: { text in SettingText.integer(text.utf8).flatMap { (0...65_535).contains($0) ? $0 : nil } },
            format: { "\($0)" }
        )
    }

    static func size(
        _ name: String,
        _ group: SettingGroup,
        _ standard: Int,
        _ range: ClosedRange<Int>,
        _ meaning: String
    ) -> Setting {
        let allowed =
            "a size, \(SettingText.text(size: range.lowerBound)) to \(SettingText.text(size: range.upperBound)), such as 64K or 50M"
        return Setting(
            name,
            group,
            standard: standard,
            allowed: allowed,
            meaning: meaning,
            parse: { text in SettingText.size(text).flatMap { range.contains($0) ? $0 : nil } },
            format: { SettingText.text(size: $0) }
        )
    }
}

extension Setting where Value == Duration {
    static func duration(
        _ name: String,
        _ group: SettingGroup,
        _ standard: Duration,
        _ range: ClosedRange<Duration>,
        _ meaning: String
    ) -> Setting {
        let allowed =
            "a duration, \(SettingText.text(range.lowerBound)) to \(SettingText.text(range.upperBound)), such as 90s, 15m or 5d"
        return Setting(
            name,
            group,
            standard: standard,
            allowed: allowed,
            meaning: meaning,
            parse: { text in SettingText.duration(text).flatMap { range.contains($0) ? $0 : nil } },
            format: { SettingText.text($0) }
        )
    }
}

extension Setting where Value == SecretSetting? {
    static func secret(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: nil,
            isSecret: true,
            allowed: "text, at most 1024 octets",
            meaning: meaning,
            parse: { $0.utf8.count <= 1_024 && !$0.utf8.contains(0) ? .some(SecretSetting($0)) : nil },
            format: { $0 == nil ? "" : "***" }
        )
    }
}

extension Setting where Value == EmailAddress? {
    static func optionalAddress(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: nil,
            allowed: "a mail address",
            meaning: meaning,
            parse: { text in EmailAddress(text).map(Optional.some) },
            format: { $0?.description ?? "" }
        )
    }
}

extension Setting where Value == [IPAddress] {
    static func addresses(
        _ name: String,
        _ group: SettingGroup,
        _ standard: [String],
        production: [String]? = nil,
        _ meaning: String
    ) -> Setting {
        Setting(
            name,
            group,
            standard: standard.compactMap { IPAddress($0) },
            production: production?.compactMap { IPAddress($0) },
            allowed: "IP addresses between commas",
            meaning: meaning,
            parse: { text in SettingText.each(of: text) { IPAddress($0) } },
            format: { $0.map(\.description).joined(separator: ",") }
        )
    }
}

extension Setting where Value == [IPNetwork] {
    static func networks(_ name: String, _ group: SettingGroup, _ standard: [String], _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: standard.compactMap { IPNetwork($0) },
            allowed: "IP addresses or networks between commas, such as 192.0.2.0/24, or none",
            meaning: meaning,
            parse: { text in text == "none" ? [] : SettingText.each(of: text) { IPNetwork($0) } },
            format: { $0.isEmpty ? "none" : $0.map(\.description).joined(separator: ",") }
        )
    }
}

extension Setting where Value == HostPort? {
    static func optionalHostPort(_ name: String, _ group: SettingGroup, defaultPort: Int, _ meaning: String) -> Setting
    {
        Setting(
            name,
            group,
            standard: nil,
            allowed: "host, host:port or [IPv6]:port",
            meaning: meaning,
            parse: { text in HostPort(text, defaultPort: defaultPort).map(Optional.some) },
            format: { $0?.description ?? "" }
        )
    }
}

extension Setting where Value == [TransportRoute] {
    static func routes(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: [],
            allowed: "domain=host:port pairs between commas; the domain * stands for all",
            meaning: meaning,
            parse: { text in SettingText.each(of: text, SettingText.route) },
            format: { $0.map(\.description).joined(separator: ",") }
        )
    }
}

extension Setting where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static func choice(_ name: String, _ group: SettingGroup, _ standard: Value, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: standard,
            allowed: Value.allCases.map(\.rawValue).joined(separator: ", "),
            meaning: meaning,
            parse: { Value(rawValue: EmailAddress.lowercased($0)) },
            format: { $0.rawValue }
        )
    }
}
