// Table: every setting of the platform, in the order that `config list` shows.

package import MailModel

package enum LogLevelSetting: String, CaseIterable, Sendable {
    case trace, debug, info, notice, warning, error, critical
}
package enum LogFormatSetting: String, CaseIterable, Sendable { case json, text }
package enum SmartHostTLS: String, CaseIterable, Sendable { case opportunistic, verified, implicit, none }

/// Every setting.
///
/// `PlatformSettings` gives each one's value under the same name.
package struct Settings: Sendable {
    // MARK: - Process

    package let production = Setting.boolean(
        "OONRUMAIL_PRODUCTION",
        .general,
        false,
        "Take the well-known ports and listen on every address; same as --production"
    )
    package let data = Setting.path(
        "OONRUMAIL_DATA",
        .general,
        "./data",
        "Folder of the store, its keys and the certificate"
    )
    package let configuredHostname = Setting.optionalDomain(
        "OONRUMAIL_HOSTNAME",
        .general,
        "Name in greetings, Received and Message-ID; the machine's name by default"
    )
    package let bootstrapAdmin = Setting.optionalAddress(
        "OONRUMAIL_BOOTSTRAP_ADMIN",
        .general,
        "First start: address of the administrator made with its organisation and domain"
    )
    package let bootstrapPassword = Setting.secret(
        "OONRUMAIL_BOOTSTRAP_PASSWORD",
        .general,
        "First start: the administrator's password; a random one is printed when it is missing"
    )
    package let shutdownGrace = Setting.duration(
        "OONRUMAIL_SHUTDOWN_GRACE",
        .general,
        .seconds(25),
        .zero ... .seconds(600),
        "How long a stop waits for what runs"
    )

    package let bindAddresses = Setting.addresses(
        "OONRUMAIL_BIND_ADDRESS",
        .listeners,
        ["127.0.0.1"],
        production: ["0.0.0.0"],
        "Addresses that SMTP and IMAP listen on"
    )
    package let smtpAddresses = Setting.addresses(
        "OONRUMAIL_SMTP_ADDRESS",
        .listeners,
        [],
        "Addresses of the SMTP listener, when other than OONRUMAIL_BIND_ADDRESS"
    )
    package let submissionAddresses = Setting.addresses(
        "OONRUMAIL_SUBMISSION_ADDRESS",
        .listeners,
        [],
        "Addresses of the submission listener, when other"
    )
    package let submissionsAddresses = Setting.addresses(
        "OONRUMAIL_SUBMISSIONS_ADDRESS",
        .listeners,
        [],
        "Addresses of the submission listener under TLS, when other"
    )
    package let imapAddresses = Setting.addresses(
        "OONRUMAIL_IMAP_ADDRESS",
        .listeners,
        [],
        "Addresses of the IMAP listener, when other"
    )
    package let imapsAddresses = Setting.addresses(
        "OONRUMAIL_IMAPS_ADDRESS",
        .listeners,
        [],
        "Addresses of the IMAP listener under TLS, when other"
    )
    package let httpAddresses = Setting.addresses(
        "OONRUMAIL_HTTP_ADDRESS",
        .listeners,
        ["127.0.0.1"],
        "Address of the HTTP listener; it speaks clear text: put a TLS proxy before it"
    )
    package let smtpPort = Setting.port("OONRUMAIL_SMTP_PORT", 2525, production: 25, "Mail from other servers")
    package let submissionPort = Setting.port(
        "OONRUMAIL_SUBMISSION_PORT",
        2587,
        production: 587,
        "Mail from own users, STARTTLS"
    )
    package let submissionsPort = Setting.port(
        "OONRUMAIL_SUBMISSIONS_PORT",
        2465,
        production: 465,
        "Mail from own users, TLS from the first byte"
    )
    package let imapPort = Setting.port("OONRUMAIL_IMAP_PORT", 2143, production: 143, "IMAP, STARTTLS")
    package let imapsPort = Setting.port("OONRUMAIL_IMAPS_PORT", 2993, production: 993, "IMAP, TLS from the first byte")
    package let httpPort = Setting.port("OONRUMAIL_HTTP_PORT", 8080, "Health, metrics and the API")

    package let tlsCertificate = Setting.optionalPath(
        "OONRUMAIL_TLS_CERTIFICATE",
        .tls,
        "PEM file with the certificate chain; a self-signed one is made in the data folder when missing"
    )
    package let tlsKey = Setting.optionalPath("OONRUMAIL_TLS_KEY", .tls, "PEM file with the certificate's private key")
    package let plaintextAuthOnLoopback = Setting.boolean(
        "OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK",
        .tls,
        false,
        "Take passwords without TLS from loopback clients; for tests"
    )

    // MARK: - Mail

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
        "Silence before 421 (RFC 5321 §4.5.3.2.7: at least 5 minutes)"
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
        "Outbound transactions to one domain at once"
    )
    package let queueLease = Setting.duration(
        "OONRUMAIL_QUEUE_LEASE",
        .queue,
        .seconds(900),
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

    // MARK: - Platform

    package let httpMaxBody = Setting.size(
        "OONRUMAIL_HTTP_MAX_BODY",
        .http,
        1 << 20,
        1 << 10...64 << 20,
        "Largest body of an API request"
    )
    package let httpIdleTimeout = Setting.duration(
        "OONRUMAIL_HTTP_IDLE_TIMEOUT",
        .http,
        .seconds(60),
        .seconds(1) ... .seconds(3_600),
        "Silence before an HTTP connection is closed"
    )
    package let healthTimeout = Setting.duration(
        "OONRUMAIL_HEALTH_TIMEOUT",
        .http,
        .seconds(2),
        .milliseconds(50) ... .seconds(60),
        "Time that each health check has"
    )
    package let trustForwardedHeaders = Setting.boolean(
        "OONRUMAIL_TRUST_FORWARDED_HEADERS",
        .http,
        false,
        "Take the client's address from X-Forwarded-For when a trusted network connects"
    )

    package let accessTokenLifetime = Setting.duration(
        "OONRUMAIL_ACCESS_TOKEN_LIFETIME",
        .accounts,
        .seconds(600),
        .seconds(10) ... .seconds(86_400),
        "How long an access token is good"
    )
    package let refreshTokenLifetime = Setting.duration(
        "OONRUMAIL_REFRESH_TOKEN_LIFETIME",
        .accounts,
        .seconds(2_592_000),
        .seconds(60) ... .seconds(31_536_000),
        "How long a refresh token is good"
    )
    package let passwordMemory = Setting.size(
        "OONRUMAIL_PASSWORD_MEMORY",
        .accounts,
        19 << 20,
        8 << 10...1 << 30,
        "Memory that hashing one password takes (Argon2id)"
    )
    package let passwordPasses = Setting.integer(
        "OONRUMAIL_PASSWORD_PASSES",
        .accounts,
        2,
        1...100,
        "Passes of Argon2id over that memory"
    )
    package let passwordThreads = Setting.integer(
        "OONRUMAIL_PASSWORD_THREADS",
        .accounts,
        2,
        1...64,
        "Passwords hashed at once"
    )
    package let lockoutFailures = Setting.integer(
        "OONRUMAIL_LOCKOUT_FAILURES",
        .accounts,
        10,
        1...10_000,
        "Failed sign-ins to one account from one address before both wait"
    )
    package let lockoutFailuresPerAddress = Setting.integer(
        "OONRUMAIL_LOCKOUT_FAILURES_PER_ADDRESS",
        .accounts,
        50,
        1...1_000_000,
        "Failed sign-ins from one address, whatever account, before it waits"
    )
    package let lockoutWindow = Setting.duration(
        "OONRUMAIL_LOCKOUT_WINDOW",
        .accounts,
        .seconds(900),
        .seconds(1) ... .seconds(86_400),
        "Time over which failed sign-ins are counted"
    )
    package let lockoutExemptsTrusted = Setting.boolean(
        "OONRUMAIL_LOCKOUT_EXEMPTS_TRUSTED",
        .accounts,
        false,
        "Count no failed sign-ins from trusted networks"
    )

    package let inlineBlobThreshold = Setting.size(
        "OONRUMAIL_INLINE_BLOB_THRESHOLD",
        .store,
        64 << 10,
        0...16 << 20,
        "Octets of a message up to which it lies in the database; larger ones are files"
    )
    package let sweepInterval = Setting.duration(
        "OONRUMAIL_SWEEP_INTERVAL",
        .store,
        .seconds(3_600),
        .seconds(1) ... .seconds(604_800),
        "How often orphaned message files are removed"
    )
    package let sweepGrace = Setting.duration(
        "OONRUMAIL_SWEEP_GRACE",
        .store,
        .seconds(86_400),
        .seconds(60) ... .seconds(2_592_000),
        "Age before an orphaned message file is removed"
    )
    package let traceRetention = Setting.duration(
        "OONRUMAIL_TRACE_RETENTION",
        .store,
        .seconds(2_592_000),
        .seconds(3_600) ... .seconds(315_360_000),
        "How long the message trace is kept"
    )

    package let resolver = Setting.optionalHostPort(
        "OONRUMAIL_RESOLVER",
        .dns,
        defaultPort: 53,
        "DNS server to ask, address:port; those of /etc/resolv.conf by default"
    )
    package let resolverTimeout = Setting.duration(
        "OONRUMAIL_RESOLVER_TIMEOUT",
        .dns,
        .seconds(10),
        .milliseconds(100) ... .seconds(120),
        "Time that one lookup has"
    )

    package let logLevel = Setting<LogLevelSetting>.choice(
        "OONRUMAIL_LOG_LEVEL",
        .logging,
        .info,
        "Least severe events that are logged"
    )
    package let logFormat = Setting<LogFormatSetting>.choice(
        "OONRUMAIL_LOG_FORMAT",
        .logging,
        .json,
        "One JSON object a line, or text for people"
    )

    /// Every setting in the order of declaration.
    package static let all: [any AnySetting] = Mirror(reflecting: Settings()).children.compactMap {
        $0.value as? any AnySetting
    }

    static let table = Settings()
}
