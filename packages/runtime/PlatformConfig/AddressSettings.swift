/// How many addresses people and organisations may make.
///
/// In the order that `config list` shows.
package struct AddressSettings: Sendable {
    package let listMaxMembers = Setting.integer(
        "OONRUMAIL_LIST_MAX_MEMBERS",
        .limits,
        2_000,
        1...20_000,
        "Members of one distribution list"
    )
    package let maskedAddressLimit = Setting.integer(
        "OONRUMAIL_MASKED_ADDRESS_LIMIT",
        .limits,
        500,
        0...100_000,
        "Masked addresses of one account"
    )
    package let importMaxRows = Setting.integer(
        "OONRUMAIL_IMPORT_MAX_ROWS",
        .limits,
        1_000,
        1...20_000,
        "Rows of one import of accounts, aliases or lists, and of one page of an export"
    )
    package let importMaxOctets = Setting.size(
        "OONRUMAIL_IMPORT_MAX_OCTETS",
        .limits,
        1 << 20,
        1 << 10...64 << 20,
        "Octets of one import; over HTTP no more than OONRUMAIL_HTTP_MAX_BODY"
    )
}
