/// For whom the list of passwords that attackers know is asked.
package enum BreachedListSetting: String, CaseIterable, Sendable { case always, policy }

/// Sign-in, the store, the resolver, logs and stopping.
///
/// In the order that `config list` shows.
package struct ServiceSettings: Sendable {
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

    package let passwordMinimumLength = Setting.integer(
        "OONRUMAIL_PASSWORD_MINIMUM_LENGTH",
        .accounts,
        8,
        8...128,
        "Characters that a new password has at least"
    )
    package let passwordHistory = Setting.integer(
        "OONRUMAIL_PASSWORD_HISTORY",
        .accounts,
        5,
        0...24,
        "Earlier passwords of an account that may not come back"
    )
    package let breachedPasswords = Setting.optionalPath(
        "OONRUMAIL_BREACHED_PASSWORDS",
        .accounts,
        "File of passwords that attackers know: SHA-1 in hexadecimal, sorted, one a line"
    )
    package let breachedPasswordsAsked = Setting<BreachedListSetting>.choice(
        "OONRUMAIL_BREACHED_PASSWORDS_ASKED",
        .accounts,
        .always,
        "Whether that file is asked always, or by policy: for the organisations that say so"
    )
    package let appPasswordsPerAccount = Setting.integer(
        "OONRUMAIL_APP_PASSWORDS_PER_ACCOUNT",
        .accounts,
        50,
        0...10_000,
        "App passwords that one account may have"
    )
    package let lastUseInterval = Setting.duration(
        "OONRUMAIL_LAST_USE_INTERVAL",
        .accounts,
        .seconds(300),
        .seconds(0) ... .seconds(86_400),
        "How often at most the last use of an app password or session is written"
    )
    package let revocationInterval = Setting.duration(
        "OONRUMAIL_REVOCATION_INTERVAL",
        .accounts,
        .seconds(2),
        .milliseconds(50) ... .seconds(300),
        "How often mail sessions of revoked passwords and suspended accounts are looked for, to end them"
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

    package let domainChallengeLifetime = Setting.duration(
        "OONRUMAIL_DOMAIN_CHALLENGE_LIFETIME",
        .dns,
        .seconds(604_800),
        .seconds(60) ... .seconds(31_536_000),
        "How long the challenge of a domain may be answered"
    )
    package let domainGrace = Setting.duration(
        "OONRUMAIL_DOMAIN_GRACE",
        .dns,
        .seconds(2_592_000),
        .seconds(0) ... .seconds(31_536_000),
        "How long a deleted domain can be restored"
    )
    package let domainMaxPending = Setting.integer(
        "OONRUMAIL_DOMAIN_MAX_PENDING",
        .dns,
        100,
        1...100_000,
        "Domains of one organisation that wait for proof"
    )
    package let transportPolicyMode = Setting<TransportPolicyMode>.choice(
        "OONRUMAIL_MTA_STS_MODE",
        .dns,
        .testing,
        "MTA-STS policy of hosted domains: enforce once every domain's reports are clean, testing only has senders report, none ends it"
    )
    package let transportPolicyLifetime = Setting.duration(
        "OONRUMAIL_MTA_STS_MAX_AGE",
        .dns,
        .seconds(604_800),
        .seconds(86_400) ... .seconds(31_557_600),
        "How long senders keep the policy"
    )
    package let domainCheckInterval = Setting.duration(
        "OONRUMAIL_DOMAIN_CHECK_INTERVAL",
        .dns,
        .seconds(21_600),
        .seconds(1) ... .seconds(604_800),
        "Time between two checks of what a domain publishes"
    )
    package let domainCheckHistory = Setting.integer(
        "OONRUMAIL_DOMAIN_CHECK_HISTORY",
        .dns,
        100,
        1...100_000,
        "States of what a domain published that are kept"
    )
    package let dkimGrace = Setting.duration(
        "OONRUMAIL_DKIM_GRACE",
        .dns,
        .seconds(604_800),
        .seconds(0) ... .seconds(31_536_000),
        "How long a signing key that was replaced stays published"
    )
    package let dkimRSABits = Setting.integer(
        "OONRUMAIL_DKIM_RSA_BITS",
        .dns,
        2_048,
        2_048...4_096,
        "Bits of new RSA signing keys"
    )
    package let domainUpkeepInterval = Setting.duration(
        "OONRUMAIL_DOMAIN_UPKEEP_INTERVAL",
        .dns,
        .seconds(600),
        .seconds(1) ... .seconds(86_400),
        "How often deleted domains whose grace is over are removed"
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
}
