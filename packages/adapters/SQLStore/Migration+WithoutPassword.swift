// Table: what the schema has of accounts that sign in without a password.

extension Migration {
    static let withoutPassword = Migration(
        version: 33,
        name: "expand-accounts-without-password",
        statements: [
            // Passkeys from before are known to verify their user once they have done it again.
            "ALTER TABLE passkeys ADD COLUMN verifies_user BIGINT NOT NULL DEFAULT 0",
            // Of the account that is made when the invitation is accepted: its passkey is made for that number.
            "ALTER TABLE invitations ADD COLUMN account_number BIGINT",
        ]
    )
}
