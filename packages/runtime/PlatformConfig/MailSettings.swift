package import MailModel

/// What mail may be, how fast it may come, and how it is sent on.
///
/// In the order that `config list` shows.
package struct MailSettings: Sendable {
    package let maxMessageSize = Setting.size(
        "OONRUMAIL_MAX_MESSAGE_SIZE",
        .limits,
        50 << 20,
        1 << 10...1 << 30,
        "Largest message taken by SMTP and APPEND"
    )
    package let maxRecipients = Setting.integer(
        "OONRUMAIL_MAX_RECIPIENTS",
        .limits,
        1_000,
        100...100_000,
        "Recipients of one SMTP transaction (RFC 5321 §4.5.3.1.8: at least 100)"
    )
    package let trustedNetworks = Setting.networks(
        "OONRUMAIL_TRUSTED_NETWORKS",
        .limits,
        ["127.0.0.0/8", "::1/128"],
        "Clients exempt from connection limits and rates (not from authentication)"
    )
    package let maxConnectionsPerAddress = Setting.integer(
        "OONRUMAIL_MAX_CONNECTIONS_PER_ADDRESS",
        .limits,
        50,
        1...1_000_000,
        "Open connections of one client address to one listener"
    )
    package let connectionRatePerAddress = Setting.integer(
        "OONRUMAIL_CONNECTION_RATE_PER_ADDRESS",
        .limits,
        120,
        1...1_000_000,
        "New connections of one client address a minute"
    )
    package let quotaDefault = Setting.size(
        "OONRUMAIL_QUOTA_DEFAULT",
        .limits,
        0,
        0...1 << 50,
        "Quota of new accounts; 0 for none"
    )
    package let spoolThreshold = Setting.size(
        "OONRUMAIL_SPOOL_THRESHOLD",
        .limits,
        256 << 10,
        4 << 10...64 << 20,
        "Octets of an incoming message held in memory before it goes to a file"
    )

    package let smtpMaxConnections = Setting.integer(
        "OONRUMAIL_SMTP_MAX_CONNECTIONS",
        .smtp,
        2_000,
        1...1_000_000,
        "Open connections to each SMTP listener"
    )
    package let smtpIdleTimeout = Setting.duration(
        "OONRUMAIL_SMTP_IDLE_TIMEOUT",
        .smtp,
        .seconds(300),
        .seconds(1) ... .seconds(3_600),
        "Time to send a whole command before 421 (RFC 5321 §4.5.3.2.7: at least 5 minutes)"
    )
    package let smtpHandshakeTimeout = Setting.duration(
        "OONRUMAIL_SMTP_HANDSHAKE_TIMEOUT",
        .smtp,
        .seconds(30),
        .milliseconds(100) ... .seconds(3_600),
        "Time to finish a TLS handshake"
    )
    package let smtpWriteTimeout = Setting.duration(
        "OONRUMAIL_SMTP_WRITE_TIMEOUT",
        .smtp,
        .seconds(120),
        .milliseconds(100) ... .seconds(3_600),
        "Time that a client may leave replies unread"
    )
    package let smtpMinimumRate = Setting.integer(
        "OONRUMAIL_SMTP_MINIMUM_RATE",
        .smtp,
        100,
        1...1_000_000,
        "Octets a second that a client must send of a message, over each idle timeout"
    )
    package let smtpErrorLimit = Setting.integer(
        "OONRUMAIL_SMTP_ERROR_LIMIT",
        .smtp,
        20,
        1...10_000,
        "Wrong commands of one session before 421"
    )
    package let smtpRefusedRecipientLimit = Setting.integer(
        "OONRUMAIL_SMTP_REFUSED_RECIPIENT_LIMIT",
        .smtp,
        100,
        1...100_000,
        "Refused recipients of one session before 421"
    )
    package let smtpAuthFailureLimit = Setting.integer(
        "OONRUMAIL_SMTP_AUTH_FAILURE_LIMIT",
        .smtp,
        3,
        1...100,
        "Failed AUTH of one session before 421"
    )
    package let smtpUnproductiveLimit = Setting.integer(
        "OONRUMAIL_SMTP_UNPRODUCTIVE_LIMIT",
        .smtp,
        200,
        10...100_000,
        "Commands that move no mail before 421"
    )
    package let smtpTransactionLimit = Setting.integer(
        "OONRUMAIL_SMTP_TRANSACTION_LIMIT",
        .smtp,
        10_000,
        1...10_000_000,
        "Messages of one session before 421"
    )
    package let smtpMessageRatePerAddress = Setting.integer(
        "OONRUMAIL_SMTP_MESSAGE_RATE_PER_ADDRESS",
        .smtp,
        600,
        1...10_000_000,
        "Messages of one client address a minute"
    )
    package let submissionMessageRate = Setting.integer(
        "OONRUMAIL_SUBMISSION_MESSAGE_RATE",
        .smtp,
        1_000,
        1...10_000_000,
        "Messages that one account submits an hour"
    )
    package let submissionRecipientRate = Setting.integer(
        "OONRUMAIL_SUBMISSION_RECIPIENT_RATE",
        .smtp,
        5_000,
        1...100_000_000,
        "Recipients that one account sends to an hour"
    )
    package let maxReceived = Setting.integer(
        "OONRUMAIL_MAX_RECEIVED",
        .smtp,
        50,
        10...1_000,
        "Received headers before a message counts as looping"
    )

    package let queueFirstRetry = Setting.duration(
        "OONRUMAIL_QUEUE_FIRST_RETRY",
        .queue,
        .seconds(300),
        .milliseconds(100) ... .seconds(86_400),
        "Interval before the second attempt; doubles with each further one"
    )
    package let queueMaxRetry = Setting.duration(
        "OONRUMAIL_QUEUE_MAX_RETRY",
        .queue,
        .seconds(14_400),
        .milliseconds(100) ... .seconds(604_800),
        "Longest interval between attempts"
    )
    package let queueExpiry = Setting.duration(
        "OONRUMAIL_QUEUE_EXPIRY",
        .queue,
        .seconds(432_000),
        .milliseconds(100) ... .seconds(2_592_000),
        "Age at which undelivered mail bounces"
    )
    package let queueConcurrency = Setting.integer(
        "OONRUMAIL_QUEUE_CONCURRENCY",
        .queue,
        50,
        1...10_000,
        "Outbound transactions at once"
    )
    package let queuePerDomain = Setting.integer(
        "OONRUMAIL_QUEUE_PER_DOMAIN",
        .queue,
        5,
        1...1_000,
        "Outbound transactions to one domain at once, over all processes that share the queue"
    )
    package let queueLease = Setting.duration(
        "OONRUMAIL_QUEUE_LEASE",
        .queue,
        .seconds(120),
        .seconds(30) ... .seconds(86_400),
        "How long a worker owns what it sends, unless it renews"
    )
    package let smartHost = Setting.optionalHostPort(
        "OONRUMAIL_SMART_HOST",
        .queue,
        defaultPort: 587,
        "Server that takes all outbound mail"
    )
    package let smartHostUser = Setting.optionalText("OONRUMAIL_SMART_HOST_USER", .queue, "User name at the smart host")
    package let smartHostPassword = Setting.secret(
        "OONRUMAIL_SMART_HOST_PASSWORD",
        .queue,
        "Password at the smart host"
    )
    package let smartHostTLS = Setting<SmartHostTLS>.choice(
        "OONRUMAIL_SMART_HOST_TLS",
        .queue,
        .verified,
        "How the connection to the smart host is secured"
    )
    package let transportMap = Setting.routes(
        "OONRUMAIL_TRANSPORT_MAP",
        .queue,
        "Where mail for a domain goes instead of its MX"
    )

    package let imapMaxConnections = Setting.integer(
        "OONRUMAIL_IMAP_MAX_CONNECTIONS",
        .imap,
        10_000,
        1...1_000_000,
        "Open connections to each IMAP listener"
    )
    package let imapMaxConnectionsPerAccount = Setting.integer(
        "OONRUMAIL_IMAP_MAX_CONNECTIONS_PER_ACCOUNT",
        .imap,
        50,
        1...1_000_000,
        "Signed-in sessions of one account"
    )
    package let imapLoginTimeout = Setting.duration(
        "OONRUMAIL_IMAP_LOGIN_TIMEOUT",
        .imap,
        .seconds(60),
        .seconds(1) ... .seconds(3_600),
        "Time to sign in after connecting"
    )
    package let imapIdleTimeout = Setting.duration(
        "OONRUMAIL_IMAP_IDLE_TIMEOUT",
        .imap,
        .seconds(1_860),
        .seconds(1) ... .seconds(86_400),
        "Silence before a signed-in session is closed (RFC 9051 §5.4: at least 30 minutes)"
    )
    package let imapErrorLimit = Setting.integer(
        "OONRUMAIL_IMAP_ERROR_LIMIT",
        .imap,
        50,
        1...10_000,
        "Wrong commands of one session before BYE"
    )
    package let imapAuthFailureLimit = Setting.integer(
        "OONRUMAIL_IMAP_AUTH_FAILURE_LIMIT",
        .imap,
        3,
        1...100,
        "Failed sign-ins of one session before BYE"
    )
    package let imapMaxLine = Setting.size(
        "OONRUMAIL_IMAP_MAX_LINE",
        .imap,
        64 << 10,
        8 << 10...4 << 20,
        "Octets of a command line, literals apart"
    )
    package let imapMaxMailboxes = Setting.integer(
        "OONRUMAIL_IMAP_MAX_MAILBOXES",
        .imap,
        10_000,
        10...1_000_000,
        "Mailboxes of one account"
    )
}
