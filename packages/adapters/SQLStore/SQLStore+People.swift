import Database
package import MailModel
package import MailPorts

extension SQLStore: PeopleStore {
    private static let personQuery = accountRows(
        with: ", accounts.reason, accounts.purge_at, accounts.language, accounts.time_zone, accounts.avatar_version"
    )

    private static func person(_ row: any SQLRow) throws(StoreError) -> Person {
        var person = Person(
            account: try account(row),
            reason: row.optionalText(11),
            purgeAt: row.optionalInteger(12).map { Timestamp(microseconds: $0) }
        )
        person.language = row.optionalText(13).flatMap { LanguageTag($0) }
        person.timeZone = row.optionalText(14)
        person.avatarVersion = row.optionalInteger(15)
        return person
    }

    static func person(_ id: AccountID, _ connection: any SQLConnection) throws(StoreError) -> Person? {
        try connection.first("\(personQuery) WHERE accounts.account_id = $1", [.integer(id.rawValue)], person)
    }

    package func person(_ id: AccountID) async throws(StoreError) -> Person? {
        try await database.read { connection throws(StoreError) in try Self.person(id, connection) }
    }

    package func people(_ listing: PeopleListing) async throws(StoreError) -> [Person] {
        let key =
            switch listing.sort {
            case .email: "accounts.primary_address"
            case .createdAt: "accounts.created_at"
            }
        var statement = ListStatement()
        statement.require("accounts.organisation_id =", .integer(listing.organisation.rawValue))
        statement.require("accounts.role =", listing.role.map { .text($0.rawValue) })
        statement.require("\(Self.accountStatus) =", listing.status.map { .text($0.rawValue) })
        statement.require("accounts.domain =", listing.domain.map { .text($0) })
        statement.require(["accounts.primary_address", "accounts.display_name"], contain: listing.text)
        let sql = Self.personQuery + statement.page(listing, by: key, "accounts.account_id")
        return try await all(sql, statement, freshness: .recent, Self.person)
    }

    package func platformAdministrators(limit: Int) async throws(StoreError) -> [Account] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                \(Self.accountQuery) WHERE accounts.role = $1 AND accounts.status = 'active'
                ORDER BY primary_address LIMIT $2
                """,
                [.text(Role.platformAdmin.rawValue), .integer(Int64(limit))],
                Self.account
            )
        }
    }

    package func take(
        _ step: PersonStep,
        on id: AccountID,
        upTo limit: Role,
        audit: AuditEvent
    ) async throws(StoreError) -> Person {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            // Of two owners that take each other's role at once, the second finds itself the last.
            try connection.takeTurn(.people)
            let taken = try Self.take(step, on: id, upTo: limit, now, connection)
            var audit = audit
            audit.detail = taken.detail
            try Self.record(audit, of: taken.organisation, connection)
            guard let person = try Self.person(id, connection) else { throw .notFound }
            return person
        }
    }

    /// The step without its audit line; the turn of people is taken before.
    ///
    /// - Returns: what the line says, and whose it is.
    static func take(
        _ step: PersonStep,
        on id: AccountID,
        upTo limit: Role,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (detail: String, organisation: OrganisationID) {
        guard let own = try Self.ownState(id, connection), own.role.rank <= limit.rank else { throw .notFound }
        let next = try Self.next(after: own, step, now)
        if own.isActive, own.role.rank >= Role.owner.rank, !next.isActive || next.role != own.role {
            try Self.requireAnother(own, id, connection)
        }
        try connection.execute(
            """
            UPDATE accounts SET display_name = $2, role = $3, status = $4, reason = $5, resumes_as = $6, purge_at = $7,
            language = $8, time_zone = $9 WHERE account_id = $1
            """,
            [
                .integer(id.rawValue), .text(next.name), .text(next.role.rawValue), .text(next.status.rawValue),
                .optional(next.reason), .optional(next.resumesAs?.rawValue), .optional(next.purgeAt?.microseconds),
                .optional(next.language), .optional(next.timeZone),
            ]
        )
        if own.isActive, !next.isActive {
            try connection.execute(
                "UPDATE token_families SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL",
                [.integer(id.rawValue), .integer(now.microseconds)]
            )
            try Self.endSignIns(of: id, nil, connection)
        }
        let detail =
            AuditDetail().changing("display_name", from: own.name, to: next.name)
            .changing("role", from: own.role.rawValue, to: next.role.rawValue)
            .changing("status", from: own.status.rawValue, to: next.status.rawValue)
            .changing("reason", from: own.reason, to: next.reason)
            .changing("language", from: own.language, to: next.language)
            .changing("time_zone", from: own.timeZone, to: next.timeZone).text
        return (detail, own.organisation)
    }

    // MARK: - Steps

    /// An account's own row, whatever its domain and organisation say.
    struct OwnState: Sendable {
        var organisation: OrganisationID
        var name: String
        var role: Role
        var status: Account.Status
        var reason: String?
        var resumesAs: Account.Status?
        var purgeAt: Timestamp?
        var language: String?
        var timeZone: String?
        var isActive: Bool { status == .active }
    }

    static func ownState(_ id: AccountID, _ connection: any SQLConnection) throws(StoreError) -> OwnState? {
        try connection.first(
            """
            SELECT organisation_id, display_name, role, status, reason, resumes_as, purge_at, language, time_zone FROM accounts
            WHERE account_id = $1\(connection.dialect.forUpdate)
            """,
            [.integer(id.rawValue)]
        ) { row throws(StoreError) in
            OwnState(
                organisation: OrganisationID(row.integer(0)),
                name: row.text(1),
                role: Role(rawValue: row.text(2)) ?? .platformAdmin,
                status: Account.Status(rawValue: row.text(3)) ?? .suspended,
                reason: row.optionalText(4),
                resumesAs: row.optionalText(5).flatMap { Account.Status(rawValue: $0) },
                purgeAt: row.optionalInteger(6).map { Timestamp(microseconds: $0) },
                language: row.optionalText(7),
                timeZone: row.optionalText(8)
            )
        }
    }

    private static func next(
        after state: OwnState,
        _ step: PersonStep,
        _ now: Timestamp
    ) throws(StoreError) -> OwnState {
        var next = state
        switch step {
        case .change(let name, let role, let profile):
            guard state.status != .deleted else { throw .refused("the account is deleted") }
            (next.name, next.role) = (name ?? state.name, role ?? state.role)
            next.language = profile.language.applied(to: state.language.flatMap { LanguageTag($0) })?.description
            next.timeZone = profile.timeZone.applied(to: state.timeZone)
        case .suspend(let reason):
            guard state.isActive else { throw .refused("the account is \(state.status.rawValue)") }
            (next.status, next.reason) = (.suspended, reason)
        case .restore:
            switch state.status {
            case .active: throw .refused("the account is active")
            case .suspended: (next.status, next.reason) = (.active, nil)
            case .deleted:
                guard let purgeAt = state.purgeAt, purgeAt > now else { throw .notFound }
                (next.status, next.resumesAs, next.purgeAt) = (state.resumesAs ?? .active, nil, nil)
            }
        case .delete(let purgeAt):
            guard state.status != .deleted else { throw .refused("the account is deleted") }
            (next.status, next.resumesAs, next.purgeAt) = (.deleted, state.status, purgeAt)
        }
        return next
    }

    /// Another active owner of the organisation, or another active operator of the platform.
    private static func requireAnother(
        _ state: OwnState,
        _ id: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let isOperator = state.role == .platformAdmin
        let another = try connection.first(
            """
            SELECT 1 FROM accounts WHERE role = $1 AND status = 'active' AND account_id <> $2
            AND ($3 = 0 OR organisation_id = $3) LIMIT 1
            """,
            [
                .text(state.role.rawValue), .integer(id.rawValue),
                .integer(isOperator ? 0 : state.organisation.rawValue),
            ]
        ) { _ throws(StoreError) in true }
        guard another == true else {
            throw .refused(
                isOperator
                    ? "the last operator of the platform stays one" : "the last owner of an organisation stays one"
            )
        }
    }

    // MARK: - Removal

    package func accountsToPurge(now: Timestamp, limit: Int) async throws(StoreError) -> [AccountID] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT account_id FROM accounts WHERE status = 'deleted' AND purge_at <= $1 ORDER BY purge_at LIMIT $2",
                [.integer(now.microseconds), .integer(Int64(limit))]
            ) { row throws(StoreError) in AccountID(row.integer(0)) }
        }
    }

    package func purgeAccount(
        _ id: AccountID,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            // The row is locked: whoever restores the account waits, and finds it gone or whole.
            let due = try connection.first(
                """
                SELECT primary_address, organisation_id FROM accounts
                WHERE account_id = $1 AND status = 'deleted' AND purge_at <= $2\(connection.dialect.forUpdate)
                """,
                [.integer(id.rawValue), .integer(now.microseconds)]
            ) { row throws(StoreError) in (address: row.text(0), organisation: OrganisationID(row.integer(1))) }
            guard let due else { return false }
            try Self.purge(id, connection)
            var audit = audit
            audit.subject = due.address
            try Self.record(audit, of: due.organisation, connection)
            return true
        }
    }
}
