// Table: what the schema has of people who register, or sign up, with a passkey.

extension Migration {
    static let registrationPasskeys = Migration(
        version: 44,
        name: "expand-registration-passkeys",
        statements: [
            // Of the account that is made of it: its passkey is made for that number.
            "ALTER TABLE registrations ADD COLUMN account_number BIGINT",
            // While a manager decides, as JSON: a public key and hashes of recovery codes.
            "ALTER TABLE registrations ADD COLUMN passkey TEXT",
            "ALTER TABLE sign_ups ADD COLUMN account_number BIGINT",
            "ALTER TABLE sign_ups ADD COLUMN passkey TEXT",
        ]
    )
}
