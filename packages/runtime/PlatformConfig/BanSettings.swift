package import MailModel

/// When networks of attackers are banned, and who never is.
///
/// In the order that `config list` shows.
package struct BanSettings: Sendable {
    package let bans = Setting.boolean(
        "OONRUMAIL_BANS",
        .limits,
        true,
        "Refuse the connections of networks that misbehave, and of those that operators ban"
    )
    package let banThreshold = Setting.integer(
        "OONRUMAIL_BAN_THRESHOLD",
        .limits,
        100,
        10...1_000_000,
        "Points within the window that ban a network; a failed sign-in has 5"
    )
    package let banWindow = Setting.duration(
        "OONRUMAIL_BAN_WINDOW",
        .limits,
        .seconds(3_600),
        .seconds(60) ... .seconds(86_400),
        "The time over which points are counted"
    )
    package let banFirst = Setting.duration(
        "OONRUMAIL_BAN_FIRST",
        .limits,
        .seconds(900),
        .seconds(1) ... .seconds(604_800),
        "How long the first ban of a network lasts"
    )
    package let banGrowth = Setting.integer(
        "OONRUMAIL_BAN_GROWTH",
        .limits,
        4,
        1...100,
        "How many times as long each further ban lasts"
    )
    package let banLongest = Setting.duration(
        "OONRUMAIL_BAN_LONGEST",
        .limits,
        .seconds(259_200),
        .seconds(1) ... .seconds(31_536_000),
        "How long a ban lasts at most; shorter than other servers keep mail"
    )
    package let banMemory = Setting.duration(
        "OONRUMAIL_BAN_MEMORY",
        .limits,
        .seconds(2_592_000),
        .seconds(60) ... .seconds(31_536_000),
        "How long after its end a ban is remembered, so that the next one lasts longer"
    )
    package let banLimit = Setting.integer(
        "OONRUMAIL_BAN_LIMIT",
        .limits,
        10_000,
        1...1_000_000,
        "Networks that the platform bans or remembers at once"
    )
    package let banManualLimit = Setting.integer(
        "OONRUMAIL_BAN_MANUAL_LIMIT",
        .limits,
        10_000,
        1...1_000_000,
        "Bans and exemptions that operators have in force at once"
    )
    package let banIPv4Prefix = Setting.integer(
        "OONRUMAIL_BAN_IPV4_PREFIX",
        .limits,
        32,
        16...32,
        "Length of the IPv4 network that is banned for an address"
    )
    package let banIPv6Prefix = Setting.integer(
        "OONRUMAIL_BAN_IPV6_PREFIX",
        .limits,
        64,
        32...128,
        "Length of the IPv6 network that is banned for an address"
    )
    package let banSitePrefix = Setting.integer(
        "OONRUMAIL_BAN_IPV6_SITE_PREFIX",
        .limits,
        48,
        24...128,
        "Length of the wider IPv6 network that is counted too; 128: none is"
    )
    package let banSiteFactor = Setting.integer(
        "OONRUMAIL_BAN_IPV6_SITE_FACTOR",
        .limits,
        8,
        2...1_000,
        "How many times the threshold bans that wider network"
    )
    package let banExempt = Setting.networks(
        "OONRUMAIL_BAN_EXEMPT",
        .limits,
        ["127.0.0.0/8", "::1/128"],
        "Networks that are never banned, beside trusted ones and load balancers"
    )
    package let banInterval = Setting.duration(
        "OONRUMAIL_BAN_INTERVAL",
        .limits,
        .seconds(2),
        .milliseconds(50) ... .seconds(300),
        "How often bans that other processes made or ended are looked for"
    )
}
