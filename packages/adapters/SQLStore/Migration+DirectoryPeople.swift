// Table: what the schema has of people whom a directory knows by more than addresses.

extension Migration {
    static let directoryPeople = Migration(
        version: 43,
        name: "expand-directory-people",
        statements: [
            // NULL: the standard.
            "ALTER TABLE directory_connections ADD COLUMN id_attribute TEXT",
            // What the directory knows the person by, and the address that it had last; NULL until the person is seen.
            "ALTER TABLE directory_people ADD COLUMN person_id TEXT",
            "ALTER TABLE directory_people ADD COLUMN address TEXT",
            "CREATE UNIQUE INDEX directory_people_by_person ON directory_people (domain, person_id)",
            // Kept after the person has got another one; the directory may give it to somebody else.
            "ALTER TABLE directory_addresses ADD COLUMN is_former BIGINT NOT NULL DEFAULT 0",
        ]
    )
}
