/// What is counted of domains' mail, and for how long.
///
/// In the order that `config list` shows.
package struct StatisticsSettings: Sendable {
    package let statisticsInterval = Setting.duration(
        "OONRUMAIL_STATISTICS_INTERVAL",
        .store,
        .seconds(60),
        .seconds(1) ... .seconds(3_600),
        "How often the statistics of domains count what the message trace has got"
    )
    package let statisticsRetention = Setting.duration(
        "OONRUMAIL_STATISTICS_RETENTION",
        .store,
        .seconds(34_560_000),
        .seconds(86_400) ... .seconds(315_360_000),
        "How long the statistics of domains are kept; whole days"
    )
}
