/// Who may act as other people.
package enum ActingSetting: String, CaseIterable, Sendable { case off, operators, administrators }

/// Lives of accounts.
///
/// In the order that `config list` shows.
package struct PeopleSettings: Sendable {
    package let accountGrace = Setting.duration(
        "OONRUMAIL_ACCOUNT_GRACE",
        .accounts,
        .seconds(2_592_000),
        .seconds(1) ... .seconds(31_536_000),
        "How long a deleted account can be restored before it is removed for good with its mail"
    )
    package let accountUpkeepInterval = Setting.duration(
        "OONRUMAIL_ACCOUNT_UPKEEP_INTERVAL",
        .accounts,
        .seconds(300),
        .seconds(1) ... .seconds(86_400),
        "How often it is looked for deleted accounts whose grace is over"
    )
    package let accountAddresses = Setting.integer(
        "OONRUMAIL_ACCOUNT_ADDRESSES",
        .accounts,
        50,
        1...10_000,
        "Addresses of one account, the primary one among them"
    )
    package let domainPermissions = Setting.integer(
        "OONRUMAIL_DOMAIN_PERMISSIONS",
        .accounts,
        500,
        1...100_000,
        "Accounts that have permissions on one domain, and domains that one account has permissions on"
    )
    package let identities = Setting.integer(
        "OONRUMAIL_IDENTITIES",
        .accounts,
        100,
        1...10_000,
        "Addresses of one account that have a name, a signature or an address for answers of their own"
    )
    package let vacationReplies = Setting.integer(
        "OONRUMAIL_VACATION_REPLIES",
        .accounts,
        500,
        0...1_000_000,
        "Answers that the platform gives in 24 hours for one account whose person is away"
    )
    package let sieveScripts = Setting.integer(
        "OONRUMAIL_SIEVE_SCRIPTS",
        .accounts,
        20,
        1...1_000,
        "Sieve scripts of one account"
    )
    package let sieveScriptSize = Setting.integer(
        "OONRUMAIL_SIEVE_SCRIPT_SIZE",
        .accounts,
        65_536,
        1_024...131_072,
        "Octets of one Sieve script"
    )
    package let sieveRedirects = Setting.integer(
        "OONRUMAIL_SIEVE_REDIRECTS",
        .accounts,
        4,
        0...50,
        "Addresses that one Sieve script sends one message on to"
    )
    package let actingAsUsers = Setting<ActingSetting>.choice(
        "OONRUMAIL_ACTING_AS_USERS",
        .accounts,
        .operators,
        "Who may act as other people, who are told: nobody, operators, or administrators of organisations for their own too"
    )
    package let passwordResetLifetime = Setting.duration(
        "OONRUMAIL_PASSWORD_RESET_LIFETIME",
        .accounts,
        .seconds(3_600),
        .seconds(60) ... .seconds(86_400),
        "How long a token that went by mail is good: for a new password, or to prove a recovery address"
    )
    package let passwordResetMails = Setting.integer(
        "OONRUMAIL_PASSWORD_RESET_MAILS",
        .accounts,
        3,
        1...100,
        "Mails with such tokens that one account is sent in that time"
    )
    package let passwordResetRequests = Setting.integer(
        "OONRUMAIL_PASSWORD_RESET_REQUESTS",
        .accounts,
        20,
        1...100_000,
        "Requests for new passwords, and tokens tried, from one client address in an hour"
    )
    package let invitationLifetime = Setting.duration(
        "OONRUMAIL_INVITATION_LIFETIME",
        .accounts,
        .seconds(604_800),
        .seconds(60) ... .seconds(7_776_000),
        "How long an invitation can be accepted"
    )
    package let invitationsOpen = Setting.integer(
        "OONRUMAIL_INVITATIONS_OPEN",
        .accounts,
        200,
        1...100_000,
        "Invitations of one organisation that wait at once, and that it sends in a day"
    )
}
