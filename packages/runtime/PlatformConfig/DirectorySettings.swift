package import MailModel

/// Domains whose people come from a directory.
///
/// In the order that `config list` shows.
package struct DirectorySettings: Sendable {
    package let directoryTimeout = Setting.duration(
        "OONRUMAIL_DIRECTORY_TIMEOUT",
        .accounts,
        .seconds(5),
        .seconds(1) ... .seconds(60),
        "Time that a directory has for a connection and for each answer; whole seconds"
    )
    package let directoryNetworks = Setting.networks(
        "OONRUMAIL_DIRECTORY_NETWORKS",
        .accounts,
        [],
        "Networks that LDAP directories may be in although they are not of the public Internet; "
            + "administrators of organisations choose the addresses that are asked"
    )
    package let directoryPlain = Setting.boolean(
        "OONRUMAIL_DIRECTORY_PLAIN",
        .accounts,
        false,
        "Ask LDAP directories without TLS where their connection says so, though they are not on this machine: "
            + "passwords can be read on the way"
    )
    package let directoryConcurrency = Setting.integer(
        "OONRUMAIL_DIRECTORY_CONCURRENCY",
        .accounts,
        4,
        1...64,
        "Questions to one directory at once, of one process"
    )
    package let directoryWaiting = Setting.integer(
        "OONRUMAIL_DIRECTORY_WAITING",
        .accounts,
        64,
        0...10_000,
        "Questions to one directory that may wait for their turn; others are answered as if it were away"
    )
    package let directoryRetry = Setting.duration(
        "OONRUMAIL_DIRECTORY_RETRY",
        .accounts,
        .seconds(5),
        .seconds(0) ... .seconds(600),
        "How long a directory that did not answer is not asked again; whole seconds"
    )
    package let directoryRemembered = Setting.duration(
        "OONRUMAIL_DIRECTORY_REMEMBERED",
        .accounts,
        .seconds(300),
        .seconds(0) ... .seconds(3_600),
        "How long a process remembers that a directory took a password; until then an old one is good there too; whole seconds"
    )
    package let directoryAbsent = Setting.duration(
        "OONRUMAIL_DIRECTORY_ABSENT",
        .accounts,
        .seconds(60),
        .seconds(0) ... .seconds(3_600),
        "How long a process remembers that a directory does not have a recipient; whole seconds"
    )
    package let directoryPeople = Setting.integer(
        "OONRUMAIL_DIRECTORY_PEOPLE",
        .accounts,
        50_000,
        1...1_000_000,
        "People of one directory that a synchronisation reads"
    )
    package let directoryInterval = Setting.duration(
        "OONRUMAIL_DIRECTORY_INTERVAL",
        .accounts,
        .seconds(3_600),
        .seconds(1) ... .seconds(604_800),
        "Time between two synchronisations of a directory; each adds up to a tenth"
    )
}
