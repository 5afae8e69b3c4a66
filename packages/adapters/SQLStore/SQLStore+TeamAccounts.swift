import Database
import MailModel
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

    package func teamAccounts(_ listing: TeamListing) async throws(StoreError) -> [TeamAccount] {
        let key =
            switch listing.sort {
            case .email: "accounts.primary_address"
            case .createdAt: "accounts.created_at"
            }
        var statement = ListStatement()
        statement.require("accounts.organisation_id =", listing.organisation.map { .integer($0.rawValue) })
        statement.require("\(Self.accountStatus) =", listing.status.map { .text($0.rawValue) })
        statement.require(["accounts.primary_address", "accounts.display_name"], contain: listing.text)
        let sql = """
            \(Self.accountQuery) JOIN shared_accounts ON shared_accounts.account_id = accounts.account_id
            \(statement.page(listing, by: key, "accounts.account_id"))
            """
        return try await all(sql, statement, freshness: .recent) { row throws(StoreError) in
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
