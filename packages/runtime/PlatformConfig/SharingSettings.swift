/// Mailboxes that accounts share with each other.
///
/// In the order that `config list` shows.
package struct SharingSettings: Sendable {
    package let sharesWithAnyone = Setting.boolean(
        "OONRUMAIL_SHARE_WITH_ANYONE",
        .accounts,
        false,
        "Whether rights in a mailbox may be given to anyone: to everybody of the organisation at once; what was given before stays"
    )
}
