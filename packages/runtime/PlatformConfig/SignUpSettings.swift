/// Whether organisations sign themselves up.
package enum SignUpSetting: String, CaseIterable, Sendable { case open, approval, closed }

/// Organisations that sign themselves up, and people who register on domains whose policy allows it.
///
/// In the order that `config list` shows.
package struct SignUpSettings: Sendable {
    package let signUp = Setting<SignUpSetting>.choice(
        "OONRUMAIL_SIGN_UP",
        .accounts,
        .closed,
        "Whether organisations sign themselves up: open, by approval of an operator, or not at all"
    )
    package let signUpLifetime = Setting.duration(
        "OONRUMAIL_SIGN_UP_LIFETIME",
        .accounts,
        .seconds(86_400),
        .seconds(60) ... .seconds(604_800),
        "How long the address of a sign-up can be proved by the token that went there"
    )
    package let signUpDecision = Setting.duration(
        "OONRUMAIL_SIGN_UP_DECISION",
        .accounts,
        .seconds(2_592_000),
        .seconds(3_600) ... .seconds(31_536_000),
        "How long a proved sign-up waits for an operator's decision before it is forgotten"
    )
    package let signUpRequests = Setting.integer(
        "OONRUMAIL_SIGN_UP_REQUESTS",
        .accounts,
        20,
        1...100_000,
        "Sign-ups, and tokens tried, from one client address in an hour"
    )
    package let signUpsOpen = Setting.integer(
        "OONRUMAIL_SIGN_UPS_OPEN",
        .accounts,
        1_000,
        1...1_000_000,
        "Sign-ups that are kept at once, unproved and waiting"
    )
    package let registrationLifetime = Setting.duration(
        "OONRUMAIL_REGISTRATION_LIFETIME",
        .accounts,
        .seconds(86_400),
        .seconds(60) ... .seconds(604_800),
        "How long the contact of a registration can be proved by the token that went there"
    )
    package let registrationDecision = Setting.duration(
        "OONRUMAIL_REGISTRATION_DECISION",
        .accounts,
        .seconds(2_592_000),
        .seconds(3_600) ... .seconds(31_536_000),
        "How long a proved registration waits for a manager's decision before it is forgotten"
    )
    package let registrationRequests = Setting.integer(
        "OONRUMAIL_REGISTRATION_REQUESTS",
        .accounts,
        20,
        1...100_000,
        "Registrations, and tokens tried, from one client address in an hour"
    )
    package let registrationsPerDomain = Setting.integer(
        "OONRUMAIL_REGISTRATIONS_PER_DOMAIN",
        .accounts,
        200,
        1...1_000_000,
        "Registrations of one domain that are kept at once, unproved and waiting"
    )
    package let waitingMails = Setting.integer(
        "OONRUMAIL_WAITING_MAILS",
        .accounts,
        10,
        0...10_000,
        "Mails a day that tell who decides of sign-ups that wait, and as many of registrations on one domain"
    )
}
