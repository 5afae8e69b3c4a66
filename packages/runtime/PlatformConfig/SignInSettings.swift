/// How mail programs sign in.
///
/// In the order that `config list` shows.
package struct SignInSettings: Sendable {
    package let announcesSCRAM = Setting.boolean(
        "OONRUMAIL_SASL_ANNOUNCE_SCRAM",
        .accounts,
        false,
        "Announce SCRAM-SHA-256 to mail clients, which proves app passwords only; it is taken in any case"
    )
}
