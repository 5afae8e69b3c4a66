package import MailModel
package import MailPorts

/// Counts of a domain in a period; in JSON as the interface and commands show it.
package struct StatisticsReport: Sendable {
    package var domain: String
    package var period: StatisticsPeriod
    /// The first one first; days without mail are there.
    package var days: [(day: CalendarDay, counts: MailCounts)]
    package var total: MailCounts
}

extension StatisticsReport: Encodable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Row: Encodable {
        /// nil: of all days.
        var day: CalendarDay?
        var counts: MailCounts

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            if let day { try container.encode(day.dashed, forKey: Key("day")) }
            for count in MailCount.allCases { try container.encode(counts[count], forKey: Key(count.rawValue)) }
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(domain, forKey: Key("domain"))
        try container.encode(period.since.dashed, forKey: Key("since"))
        try container.encode(period.until.dashed, forKey: Key("until"))
        try container.encode(days.map { Row(day: $0.day, counts: $0.counts) }, forKey: Key("days"))
        try container.encode(Row(counts: total), forKey: Key("total"))
    }
}
