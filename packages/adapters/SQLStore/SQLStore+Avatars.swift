import Database
package import MailModel
package import MailPorts

extension SQLStore: AvatarStore {
    package func avatar(of account: AccountID) async throws(StoreError) -> Avatar? {
        let found = try await database.read(.recent) { connection throws(StoreError) in
            try connection.first(
                "SELECT kind, octets FROM avatars WHERE account_id = $1",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in (kind: row.text(0), octets: row.bytes(1)) }
        }
        guard let found, let kind = PictureHeader.Kind(rawValue: found.kind) else { return nil }
        return Avatar(kind: kind, bytes: found.octets)
    }

    package func setAvatar(
        _ avatar: Avatar?,
        of account: AccountID,
        upTo limit: Role,
        audit: AuditEvent
    ) async throws(StoreError) -> Person {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            guard let own = try Self.ownState(account, connection), own.role.rank <= limit.rank,
                own.status != .deleted
            else { throw .notFound }
            let key: SQLValue = .integer(account.rawValue)
            if let avatar {
                try connection.execute(
                    """
                    INSERT INTO avatars (account_id, kind, octets, changed_at) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (account_id) DO UPDATE SET kind = $2, octets = $3, changed_at = $4
                    """,
                    [key, .text(avatar.kind.rawValue), .bytes(avatar.bytes), .integer(now.microseconds)]
                )
            } else {
                try connection.execute("DELETE FROM avatars WHERE account_id = $1", [key])
            }
            // By the clock, so that a picture that comes after none has another version than the one before.
            let version: SQLValue = avatar == nil ? .null : .integer(now.microseconds)
            try connection.execute("UPDATE accounts SET avatar_version = $2 WHERE account_id = $1", [key, version])
            var audit = audit
            audit.detail = AuditDetail().adding("octets", Int64(avatar?.bytes.count ?? 0)).text
            try Self.record(audit, of: own.organisation, connection)
            guard let person = try Self.person(account, connection) else { throw .notFound }
            return person
        }
    }
}
