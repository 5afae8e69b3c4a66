import Database
package import MailModel
package import MailPorts

/// Invitations that are accepted: by a password, or by a passkey.
extension SQLStore {
    package func invitedAccount(
        byToken hash: [UInt8],
        now: Timestamp
    ) async throws(StoreError) -> (invitation: Invitation, account: AccountID)? {
        let found = try await database.write { connection throws(StoreError) -> Invited? in
            let known = try connection.first(
                """
                SELECT \(Self.invitationColumns), COALESCE(account_id, account_number) FROM invitations
                WHERE \(Self.openInvitation)\(connection.dialect.forUpdate)
                """,
                [.bytes(hash), .integer(now.microseconds)]
            ) { row throws(StoreError) in (invitation: try Self.invitation(row), account: row.optionalInteger(9)) }
            guard let known else { return nil }
            if let account = known.account {
                return Invited(invitation: known.invitation, account: AccountID(account))
            }
            let account = AccountID(try Self.next("account", connection))
            try connection.execute(
                "UPDATE invitations SET account_number = $2 WHERE invitation_id = $1",
                [.integer(known.invitation.id.rawValue), .integer(account.rawValue)]
            )
            return Invited(invitation: known.invitation, account: account)
        }
        return found.map { ($0.invitation, $0.account) }
    }

    private struct Invited: Sendable {
        var invitation: Invitation
        var account: AccountID
    }

    private struct Spent {
        var invitation: Invitation
        /// The account that is there already.
        var account: AccountID?
        /// The number that the account gets which is made now.
        var number: AccountID?
    }

    package func acceptInvitation(
        byToken hash: [UInt8],
        choosing credential: ChosenCredential,
        quotaBytes: Int64?,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Account {
        try await database.write { connection throws(StoreError) in
            // Of two that spend one token at once the second finds none.
            let spent = try connection.first(
                """
                DELETE FROM invitations WHERE \(Self.openInvitation)
                RETURNING \(Self.invitationColumns), account_id, account_number
                """,
                [.bytes(hash), .integer(now.microseconds)]
            ) { row throws(StoreError) in
                Spent(
                    invitation: try Self.invitation(row),
                    account: row.optionalInteger(9).map { AccountID($0) },
                    number: row.optionalInteger(10).map { AccountID($0) }
                )
            }
            guard let spent else { throw .notFound }
            let invitation = spent.invitation
            try Self.requireActiveDomain(invitation.address.domain, of: invitation.organisation, connection)
            let account = try Self.take(credential, spent, quotaBytes, now, connection)
            try connection.execute(
                "UPDATE accounts SET recovery_address = $2 WHERE account_id = $1",
                [.integer(account.id.rawValue), .optional(invitation.contact?.description)]
            )
            var audit = audit
            (audit.actor, audit.subject) = (invitation.address.canonical, invitation.address.canonical)
            audit.detail = Self.detail(of: invitation, credential)
            try Self.record(audit, of: invitation.organisation, connection)
            return account
        }
    }

    private static func detail(of invitation: Invitation, _ credential: ChosenCredential) -> String {
        let detail = AuditDetail().adding("invited_by", invitation.invitedBy).adding("role", invitation.role.rawValue)
        return switch credential {
        case .password: detail.text
        case .passkey: detail.adding("by", "passkey").text
        }
    }

    private static func take(
        _ credential: ChosenCredential,
        _ spent: Spent,
        _ quotaBytes: Int64?,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Account {
        let hash: String?
        switch credential {
        case .password(let chosen): hash = chosen
        case .passkey(let new):
            guard new.passkey.account == spent.account ?? spent.number else { throw .notFound }
            hash = nil
        }
        if let known = spent.account {
            try setFirstPassword(hash, of: known, spent.invitation, now, connection)
        } else {
            try make(spent, hash, quotaBytes, now, connection)
        }
        if case .passkey(let new) = credential { try add(new, now, connection) }
        let made = try connection.first(
            "\(accountQuery) WHERE accounts.primary_address = $1",
            [.text(spent.invitation.address.canonical)],
            account
        )
        guard let made else { throw .notFound }
        return made
    }

    private static func make(
        _ spent: Spent,
        _ passwordHash: String?,
        _ quotaBytes: Int64?,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        _ = try insert(
            NewAccount(
                organisation: spent.invitation.organisation,
                address: spent.invitation.address,
                displayName: spent.invitation.displayName,
                role: spent.invitation.role,
                passwordHash: passwordHash,
                quotaBytes: quotaBytes
            ),
            as: spent.number,
            now,
            connection
        )
    }

    /// The first password of an account that was there before its person, or none; `.notFound` when it has had another since.
    private static func setFirstPassword(
        _ hash: String?,
        of account: AccountID,
        _ invitation: Invitation,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let changed = try connection.execute(
            """
            UPDATE credentials SET password_hash = $2, changed_at = $3 WHERE account_id = $1 AND changed_at <= $4
            AND EXISTS (
                SELECT 1 FROM accounts WHERE accounts.account_id = $1 AND status = 'active' AND primary_address = $5
            )
            """,
            [
                .integer(account.rawValue), .text(hash ?? noPassword), .integer(now.microseconds),
                .integer(invitation.createdAt.microseconds), .text(invitation.address.canonical),
            ]
        )
        guard changed == 1 else { throw .notFound }
    }
}
