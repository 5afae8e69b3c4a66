// Tables: with what names and signatures people write.

extension Migration {
    static let identities = Migration(
        version: 42,
        name: "expand-identities",
        statements: [
            // Addresses of `reply_to` and `bcc` are parted by LF, which no address has.
            """
            CREATE TABLE identities (
                account_id BIGINT NOT NULL, address TEXT NOT NULL, name TEXT, reply_to TEXT NOT NULL, bcc TEXT NOT NULL,
                signature_text TEXT, signature_html TEXT, PRIMARY KEY (account_id, address)
            ) {clustered}
            """,
            """
            CREATE TABLE composing (
                account_id BIGINT NOT NULL PRIMARY KEY, default_address TEXT, signature_text TEXT, signature_html TEXT
            )
            """,
            """
            CREATE TABLE domain_signatures (
                domain TEXT PRIMARY KEY, signature_text TEXT, signature_html TEXT, changed_at BIGINT NOT NULL
            ) {clustered}
            """,
        ]
    )
}
