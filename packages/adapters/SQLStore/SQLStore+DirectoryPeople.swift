import Database
package import MailModel
package import MailPorts

/// People of directories and their accounts.
extension SQLStore {
    package func admit(
        _ entry: DirectoryEntry,
        by used: DirectoryConnection,
        making new: NewAccount?,
        updates: Bool,
        audit: AuditEvent
    ) async throws(StoreError) -> DirectoryAdmission {
        let now = clock.now()
        if !updates {
            // Most sign-ins change nothing: they take no turn.
            let settled = try await database.read { connection throws(StoreError) in
                try DirectoryStep(entry: entry, used: used, audit: audit, now: now, connection: connection).settled()
            }
            if let settled { return settled }
        }
        do throws(StoreError) {
            return try await database.write { connection throws(StoreError) in
                try connection.takeTurn(.people)
                let step = DirectoryStep(entry: entry, used: used, audit: audit, now: now, connection: connection)
                return try step.take(making: new, updates: updates)
            }
        } catch .alreadyExists {
            // Made at the same moment, as a list or an alias.
            return .addressTaken
        }
    }

    package func preview(
        _ entry: DirectoryEntry,
        by used: DirectoryConnection,
        makes: Bool
    ) async throws(StoreError) -> DirectoryAdmission? {
        let now = clock.now()
        let audit = AuditEvent(at: now, actor: "-", action: "-", subject: "-")
        return try await database.read { connection throws(StoreError) in
            let step = DirectoryStep(entry: entry, used: used, audit: audit, now: now, connection: connection)
            return try step.look(makes: makes)
        }
    }

    package func directoryMembers(
        of domain: String,
        after: AccountID?,
        limit: Int
    ) async throws(StoreError) -> [DirectoryMember] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT directory_people.account_id, primary_address, status FROM directory_people
                JOIN accounts ON accounts.account_id = directory_people.account_id
                WHERE directory_people.domain = $1 AND accounts.domain = $1 AND directory_people.account_id > $2
                ORDER BY directory_people.account_id LIMIT $3
                """,
                [.text(domain), .integer(after?.rawValue ?? 0), .integer(Int64(limit))]
            ) { row throws(StoreError) in
                DirectoryMember(
                    account: AccountID(row.integer(0)),
                    address: Self.address(row.text(1)),
                    isActive: row.text(2) == Account.Status.active.rawValue
                )
            }
        }
    }

    package func isFormerAddress(_ address: EmailAddress) async throws(StoreError) -> Bool {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT 1 FROM addresses JOIN directory_addresses ON directory_addresses.account_id = addresses.account_id
                AND directory_addresses.address = addresses.address
                WHERE addresses.address = $1 AND is_former = 1
                """,
                [.text(address.canonical)]
            ) { _ throws(StoreError) in true } == true
        }
    }

    package func forgetPerson(
        _ account: AccountID,
        of domain: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        let name = EmailAddress.lowercased(domain)
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            let gone = try connection.execute(
                "DELETE FROM directory_people WHERE account_id = $1 AND domain = $2",
                [.integer(account.rawValue), .text(name)]
            )
            guard gone == 1 else { throw .notFound }
            try Self.record(audit, connection)
        }
    }

    package func suspendMember(
        _ account: AccountID,
        by used: DirectoryConnection,
        reason: String,
        audit: AuditEvent
    ) async throws(StoreError) -> Bool {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            guard try Self.directory(of: used.domain, connection)?.version == used.version,
                let own = try Self.ownState(account, connection), own.isActive, own.role.rank <= used.setBy.rank,
                // Whoever answers for the organisation must be able to repair it.
                own.role.rank < Role.owner.rank
            else { return false }
            let taken = try Self.take(.suspend(reason: reason), on: account, upTo: used.setBy, now, connection)
            try connection.execute(
                "UPDATE directory_people SET is_suspended_here = 1 WHERE account_id = $1",
                [.integer(account.rawValue)]
            )
            var audit = audit
            audit.action = "account.suspend"
            audit.subject = try Self.account(account, connection)?.primaryAddress.canonical ?? audit.subject
            audit.detail = taken.detail
            try Self.record(audit, of: taken.organisation, connection)
            return true
        }
    }
}
