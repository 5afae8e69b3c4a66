package import MailModel

/// Telling programs of organisations what happens.
///
/// In the order that `config list` shows.
package struct WebhookConfiguration: Sendable {
    package let webhookInterval = Setting.duration(
        "OONRUMAIL_WEBHOOK_INTERVAL",
        .accounts,
        .seconds(5),
        .milliseconds(50) ... .seconds(3_600),
        "How often it is looked for events that are due at webhooks"
    )
    package let webhookTimeout = Setting.duration(
        "OONRUMAIL_WEBHOOK_TIMEOUT",
        .accounts,
        .seconds(10),
        .milliseconds(100) ... .seconds(60),
        "Time that a webhook has for an answer"
    )
    package let webhookRetry = Setting.duration(
        "OONRUMAIL_WEBHOOK_RETRY",
        .accounts,
        .seconds(10),
        .milliseconds(50) ... .seconds(3_600),
        "Before an event is sent a second time; each further wait is three times as long, up to an hour"
    )
    package let webhookGiveUp = Setting.duration(
        "OONRUMAIL_WEBHOOK_GIVE_UP",
        .accounts,
        .seconds(86_400),
        .seconds(1) ... .seconds(604_800),
        "How long an event is tried at a webhook"
    )
    package let webhookNetworks = Setting.networks(
        "OONRUMAIL_WEBHOOK_NETWORKS",
        .accounts,
        [],
        "Networks that webhooks may be in although they are not of the public Internet; "
            + "administrators of organisations choose the addresses that are told"
    )
    package let webhookLoopback = Setting.boolean(
        "OONRUMAIL_WEBHOOK_LOOPBACK_HTTP",
        .accounts,
        false,
        "Take webhooks on this machine, by plain HTTP too; for tests only"
    )
}
