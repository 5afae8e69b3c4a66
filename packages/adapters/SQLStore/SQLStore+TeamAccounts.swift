import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func addTeamAccount(_ account: NewAccount, audit: AuditEvent) async throws(StoreError) -> Account {
        let now = clock.now()
        var account = account
        account.passwordHash = nil
        let new = account
        return try await database.write { connection throws(StoreError) in
            let made = try Self.insert(new, now, connection)
            try connection.execute(
                "INSERT INTO shared_accounts (account_id, created_at) VALUES ($1, $2)",
                [.integer(made.id.rawValue), .integer(now.microseconds)]
            )
            try Self.record(audit, connection)
            return made
        }
    }

    package func teamAccounts(of organisation: OrganisationID?) async throws(StoreError) -> [TeamAccount] {
        try await database.read(.recent) { connection throws(StoreError) in
            try connection.all(
                """
                \(Self.accountQuery) JOIN shared_accounts ON shared_accounts.account_id = accounts.account_id
                WHERE ($1 = 0 OR accounts.organisation_id = $1) ORDER BY accounts.primary_address
                """,
                [.integer(organisation?.rawValue ?? 0)]
            ) { row throws(StoreError) in
                let account = try Self.account(row)
                return TeamAccount(
                    account: account.id,
                    address: account.primaryAddress,
                    displayName: account.displayName,
                    status: account.status,
                    createdAt: account.createdAt
                )
            }
        }
    }
}
