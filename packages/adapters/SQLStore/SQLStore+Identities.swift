import Database
package import MailModel
package import MailPorts

extension SQLStore: IdentityStore {
    private static let identityColumns =
        "identities.address, identities.name, reply_to, bcc, signature_text, signature_html"

    // MARK: - Reading

    package func identities(of account: AccountID) async throws(StoreError) -> IdentityRecord {
        try await database.read { [policies] connection throws(StoreError) in
            let key: [SQLValue] = [.integer(account.rawValue)]
            var record = IdentityRecord(
                addresses: try Self.ownSendingAddresses(of: account, policies, connection),
                settings: try Self.settings("FROM identities WHERE account_id = $1", key, connection),
                lent: try Self.settings(
                    """
                    FROM sending_grants JOIN identities ON identities.account_id = sending_grants.account_id
                    AND identities.address = sending_grants.address WHERE grantee_id = $1
                    """,
                    key,
                    connection
                ),
                composing: try Self.composing(of: account, connection) ?? ComposingSettings(),
                separators: try Self.separators(of: account, connection)
            )
            record.addresses += try Self.granted(to: account, connection)
            record.addresses += try Self.sendingDomains(of: account, connection).map {
                SendingAddress(EmailAddress(uncheckedLocalPart: "*", domain: $0), .domain)
            }
            for name in Set(record.addresses.map(\.address.domain)) {
                record.domains[name] = try Self.signature(inForceAt: name, connection)
            }
            return record
        }
    }

    /// An address that is granted both ways is granted whole.
    private static func granted(
        to account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> [SendingAddress] {
        let all = try connection.all(
            "SELECT kind, addresses.written, owner.primary_address, owner.display_name \(grantsInForce)",
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in
            SendingAddress(
                address(row.text(1)),
                .granted,
                isOnBehalf: row.text(0) != SendingGrantKind.sendAs.rawValue,
                owner: SendingAddress.Owner(address: address(row.text(2)), displayName: row.text(3))
            )
        }
        let whole = Set(all.filter { !$0.isOnBehalf }.map(\.address))
        return all.filter { !$0.isOnBehalf || !whole.contains($0.address) }
    }

    private static func settings(
        _ from: String,
        _ key: [SQLValue],
        _ connection: any SQLConnection
    ) throws(StoreError) -> [EmailAddress: IdentitySettings] {
        let rows = try connection.all("SELECT \(identityColumns) \(from)", key, identity)
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }

    package func signature(ofDomain name: String) async throws(StoreError) -> MailSignature? {
        let name = EmailAddress.lowercased(name)
        return try await database.read { connection throws(StoreError) in
            try Self.signature(ofDomain: name, connection)
        }
    }

    private static func signature(
        ofDomain name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> MailSignature? {
        try connection.first(
            """
            SELECT signature_text, signature_html FROM domain_signatures JOIN domains ON domains.name = domain_signatures.domain
            WHERE domain = $1 AND status <> 'deleted'
            """,
            [.text(name)]
        ) { row throws(StoreError) in signature(row, from: 0) } ?? nil
    }

    /// Its own, or that of the domain that it means.
    private static func signature(
        inForceAt name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> MailSignature? {
        try connection.first(
            """
            SELECT signature_text, signature_html FROM domains
            JOIN domain_signatures ON domain_signatures.domain IN (domains.name, domains.alias_of)
            WHERE domains.name = $1 ORDER BY CASE WHEN domain_signatures.domain = domains.name THEN 0 ELSE 1 END LIMIT 1
            """,
            [.text(name)]
        ) { row throws(StoreError) in signature(row, from: 0) } ?? nil
    }

    // MARK: - Changing

    package func setIdentity(
        _ settings: IdentitySettings?,
        of address: EmailAddress,
        for account: AccountID,
        forgetting stale: [EmailAddress],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            // Two that say something of the last one at once take turns.
            try Self.lock([account], connection)
            guard let own = try Self.ownState(account, connection), own.status != .deleted else { throw .notFound }
            let key: [SQLValue] = [.integer(account.rawValue), .text(address.canonical)]
            let before = try connection.first(
                "SELECT \(Self.identityColumns) FROM identities WHERE account_id = $1 AND address = $2",
                key,
                Self.identity
            )?.1
            if let settings {
                if before == nil { try Self.makeRoom(for: account, limit, stale, connection) }
                try connection.execute(
                    """
                    INSERT INTO identities (account_id, address, name, reply_to, bcc, signature_text, signature_html)
                    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id, address) DO UPDATE
                    SET name = $3, reply_to = $4, bcc = $5, signature_text = $6, signature_html = $7
                    """,
                    key + [
                        .optional(settings.name), .text(Self.text(settings.replyTo)), .text(Self.text(settings.bcc)),
                    ] + Self.values(settings.signature)
                )
            } else {
                guard before != nil else { throw .notFound }
                try connection.execute("DELETE FROM identities WHERE account_id = $1 AND address = $2", key)
            }
            var audit = audit
            let detail = AuditDetail().adding("address", address.canonical)
                .changing("name", from: before?.name, to: settings?.name)
                .changing(
                    "reply_to",
                    from: before.map { Self.text($0.replyTo) },
                    to: settings.map { Self.text($0.replyTo) }
                )
                .changing("bcc", from: before.map { Self.text($0.bcc) }, to: settings.map { Self.text($0.bcc) })
            audit.detail = Self.change(detail, from: before?.signature, to: settings?.signature).text
            try Self.record(audit, of: own.organisation, connection)
        }
    }

    /// Forgets what is said of addresses that are not in use any more, when there is no room without.
    private static func makeRoom(
        for account: AccountID,
        _ limit: Int,
        _ stale: [EmailAddress],
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let owner: SQLValue = .integer(account.rawValue)
        func count() throws(StoreError) -> Int64 {
            try connection.first("SELECT COUNT(*) FROM identities WHERE account_id = $1", [owner]) {
                row throws(StoreError) in row.integer(0)
            } ?? 0
        }
        guard try count() >= limit else { return }
        for one in stale {
            try connection.execute(
                "DELETE FROM identities WHERE account_id = $1 AND address = $2",
                [owner, .text(one.canonical)]
            )
        }
        guard try count() < limit else { throw .refused("something is said of at most \(limit) addresses") }
    }

    package func setComposing(
        _ settings: ComposingSettings,
        for account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lock([account], connection)
            guard let own = try Self.ownState(account, connection), own.status != .deleted else { throw .notFound }
            let before = try Self.composing(of: account, connection)
            try connection.execute(
                """
                INSERT INTO composing (account_id, default_address, signature_text, signature_html) VALUES ($1, $2, $3, $4)
                ON CONFLICT (account_id) DO UPDATE SET default_address = $2, signature_text = $3, signature_html = $4
                """,
                [.integer(account.rawValue), .optional(settings.defaultAddress?.description)]
                    + Self.values(settings.signature)
            )
            var audit = audit
            let detail = AuditDetail().changing(
                "default",
                from: before?.defaultAddress?.canonical,
                to: settings.defaultAddress?.canonical
            )
            audit.detail = Self.change(detail, from: before?.signature, to: settings.signature).text
            try Self.record(audit, of: own.organisation, connection)
        }
    }

    package func setSignature(
        _ signature: MailSignature?,
        ofDomain name: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        let (name, now) = (EmailAddress.lowercased(name), clock.now())
        try await database.write { connection throws(StoreError) in
            let owner = try connection.first(
                "SELECT organisation_id FROM domains WHERE name = $1 AND status <> 'deleted'\(connection.dialect.forUpdate)",
                [.text(name)]
            ) { row throws(StoreError) in OrganisationID(row.integer(0)) }
            guard let owner else { throw .notFound }
            let before = try Self.signature(ofDomain: name, connection)
            if let signature {
                try connection.execute(
                    """
                    INSERT INTO domain_signatures (domain, changed_at, signature_text, signature_html) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (domain) DO UPDATE SET changed_at = $2, signature_text = $3, signature_html = $4
                    """,
                    [.text(name), .integer(now.microseconds)] + Self.values(signature)
                )
            } else {
                guard before != nil else { throw .notFound }
                try connection.execute("DELETE FROM domain_signatures WHERE domain = $1", [.text(name)])
            }
            var audit = audit
            audit.detail = Self.change(AuditDetail(), from: before, to: signature).text
            try Self.record(audit, of: owner, connection)
        }
    }

    /// A signature's length is told, not its text.
    private static func change(
        _ detail: AuditDetail,
        from before: MailSignature?,
        to after: MailSignature?
    ) -> AuditDetail {
        func octets(_ text: String?) -> Int64? { text.map { Int64($0.utf8.count) } }
        let told =
            detail
            .changing("text_octets", from: octets(before?.text), to: octets(after?.text))
            .changing("html_octets", from: octets(before?.html), to: octets(after?.html))
        return before == after ? told : told.adding("signature", "changed")
    }

    // MARK: - Rows

    private static func text(_ addresses: [EmailAddress]) -> String {
        addresses.map(\.description).joined(separator: "\n")
    }

    private static func addresses(_ text: String) -> [EmailAddress] {
        text.utf8.split(separator: 10).map { address(String(decoding: $0, as: UTF8.self)) }
    }

    private static func values(_ signature: MailSignature?) -> [SQLValue] {
        [.optional(signature?.text), .optional(signature?.html)]
    }

    /// Of two columns; one without both was not given.
    private static func signature(_ row: any SQLRow, from column: Int) -> MailSignature? {
        let signature = MailSignature(text: row.optionalText(column), html: row.optionalText(column + 1))
        return signature == MailSignature() ? nil : signature
    }

    private static func identity(_ row: any SQLRow) throws(StoreError) -> (EmailAddress, IdentitySettings) {
        (
            address(row.text(0)),
            IdentitySettings(
                name: row.optionalText(1),
                replyTo: addresses(row.text(2)),
                bcc: addresses(row.text(3)),
                signature: signature(row, from: 4)
            )
        )
    }

    private static func composing(
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> ComposingSettings? {
        try connection.first(
            "SELECT default_address, signature_text, signature_html FROM composing WHERE account_id = $1",
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in
            ComposingSettings(
                defaultAddress: row.optionalText(0).map { address($0) },
                signature: signature(row, from: 1)
            )
        }
    }
}
