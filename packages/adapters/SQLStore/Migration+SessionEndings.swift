// Table: what the schema has of sessions whose tokens sign in to mail protocols.

extension Migration {
    static let sessionEndings = Migration(
        version: 17,
        name: "expand-session-endings",
        statements: ["ALTER TABLE sign_in_endings ADD COLUMN session TEXT"]
    )
}
