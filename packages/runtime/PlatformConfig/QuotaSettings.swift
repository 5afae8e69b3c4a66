/// Quotas and what domains' policies need of time.
///
/// In the order that `config list` shows.
package struct QuotaSettings: Sendable {
    package let quotaNewsInterval = Setting.duration(
        "OONRUMAIL_QUOTA_NEWS_INTERVAL",
        .store,
        .seconds(300),
        .seconds(1) ... .seconds(86_400),
        "How often it is looked which quotas fill, to tell who is responsible"
    )
    package let quotaAuditInterval = Setting.duration(
        "OONRUMAIL_QUOTA_AUDIT_INTERVAL",
        .store,
        .seconds(21_600),
        .seconds(1) ... .seconds(2_592_000),
        "Time between two rounds that compare the counters of quotas with the mail"
    )
    package let retentionInterval = Setting.duration(
        "OONRUMAIL_RETENTION_INTERVAL",
        .store,
        .seconds(3_600),
        .seconds(1) ... .seconds(86_400),
        "How often mail that domains keep for some days only is expunged"
    )
}
