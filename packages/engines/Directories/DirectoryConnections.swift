package import MailModel
package import MailPorts

/// Connections of domains with directories, for those who manage the domain.
///
/// The caller has checked that the actor manages it.
package struct DirectoryConnections: Sendable {
    package let service: DirectoryService
    package let sync: DirectorySync
    private let limiter: any RateLimiter
    private var store: any PeopleDirectoryStore { service.store }

    package init(service: DirectoryService, sync: DirectorySync, limiter: any RateLimiter) {
        (self.service, self.sync, self.limiter) = (service, sync, limiter)
    }

    private static let operatorsOnly = ConnectionFault.forbidden("Databases are set by platform administrators.")

    package func connection(of domain: String) async throws(ConnectionFault) -> DirectoryConnection {
        let found = try await ConnectionFault.stored { () async throws(StoreError) in
            try await store.directoryConnection(of: domain)
        }
        guard let found else { throw .notFound }
        return found
    }

    package func lastRun(of domain: String) async throws(ConnectionFault) -> DirectoryRun? {
        try await ConnectionFault.stored { () async throws(StoreError) in try await store.directoryRun(of: domain) }
    }

    /// Puts a connection in force.
    ///
    /// - Parameters:
    ///   - secret: nil keeps the one that is there, as long as it goes to the same place.
    ///   - audit: who, when and from where.
    package func set(
        _ wish: DirectoryConnection,
        secret: String?,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(ConnectionFault) -> DirectoryConnection {
        let before = try await ConnectionFault.stored { () async throws(StoreError) in
            try await store.directoryConnection(of: wish.domain)
        }
        for source in [wish.source, before?.source].compactMap(\.self) where source.kind == "sql" {
            guard wish.setBy == .platformAdmin else { throw Self.operatorsOnly }
        }
        var next = wish
        var plain = secret
        if let secret {
            next.sealedSecret = service.secrets.seal(Array(secret.utf8))
        } else if let before, Self.isSamePlace(before.source, wish.source), let sealed = before.sealedSecret {
            // To another server it never goes.
            next.sealedSecret = sealed
            plain = service.secrets.open(sealed).map { String(decoding: $0, as: UTF8.self) }
        }
        do throws(ConnectionObjection) {
            try check(next, secret: plain)
        } catch {
            throw .objection(error)
        }
        return try await ConnectionFault.stored { [next] () async throws(StoreError) in
            try await store.setDirectoryConnection(next, replacing: expected, audit: audit)
        }
    }

    package func remove(
        of domain: String,
        by role: Role,
        audit: AuditEvent
    ) async throws(ConnectionFault) {
        let before = try await connection(of: domain)
        guard before.source.kind != "sql" || role == .platformAdmin else { throw Self.operatorsOnly }
        try await ConnectionFault.stored { () async throws(StoreError) in
            try await store.removeDirectoryConnection(of: domain, audit: audit)
        }
    }

    /// Forgets which person of the directory an account is; the next one with its address is linked.
    package func forget(
        _ account: AccountID,
        of domain: String,
        audit: AuditEvent
    ) async throws(ConnectionFault) {
        var audit = audit
        audit.detail = AuditDetail().adding("account", account.rawValue).text
        try await ConnectionFault.stored { [audit] () async throws(StoreError) in
            try await store.forgetPerson(account, of: domain, audit: audit)
        }
    }

    private static func isSamePlace(_ before: DirectorySource, _ after: DirectorySource) -> Bool {
        switch (before, after) {
        case (.ldap(let before), .ldap(let after)):
            before.url == after.url && before.startsTLS == after.startsTLS && before.bindName == after.bindName
                && before.authority == after.authority
        case (.sql, .sql): true
        case (.ldap, .sql), (.sql, .ldap): false
        }
    }

    // MARK: - Test

    /// Asks for an address and says step by step what was found, of the directory and here; changes nothing.
    package func test(
        _ address: EmailAddress,
        of domain: String,
        now: Timestamp
    ) async throws(ConnectionFault) -> [ConnectionCheckStep] {
        let connection = try await connection(of: domain)
        try await count(connection.domain, now)
        guard address.domain == connection.domain else {
            throw .objection(ConnectionObjection("address", "It must be of \(connection.domain)."))
        }
        let found: [DirectoryEntry]
        do throws(DirectoryFault) {
            let open = try service.opened(connection)
            let asking = service.asking
            found = try await service.ask(connection, isForced: true, now: now) { () async throws(DirectoryFault) in
                try await asking.find(address, in: open)
            }
        } catch {
            return [ConnectionCheckStep(name: "search", isGood: false, detail: error.advice)]
        }
        var steps = [
            ConnectionCheckStep(
                name: "search",
                isGood: found.count == 1,
                detail: found.isEmpty
                    ? "The directory answers, and has nobody with \(address.canonical)."
                    : found.count > 1
                        ? "More than one entry has the address: nobody is signed in." : "One entry: \(found[0].key)."
            )
        ]
        guard found.count == 1 else { return steps }
        let entry = found[0]
        steps.append(ConnectionCheckStep(name: "entry", isGood: !entry.isDisabled, detail: Self.text(of: entry)))
        let admission = try await ConnectionFault.stored { () async throws(StoreError) in
            try await store.preview(entry, by: connection, makes: connection.makesAccounts)
        }
        steps.append(Self.accountStep(admission))
        return steps
    }

    private static func text(of entry: DirectoryEntry) -> String {
        let aliases = entry.aliases.isEmpty ? "no others" : entry.aliases.map(\.canonical).joined(separator: ", ")
        let parts = [
            "identifier \(entry.identity ?? "-")", "address \(entry.address.canonical)", "aliases: \(aliases)",
            "name \(entry.name.isEmpty ? "-" : entry.name)",
            "language \(entry.language?.description ?? "-")", "quota \(entry.quotaBytes.map { "\($0)" } ?? "-")",
            entry.isDisabled ? "disabled" : "not disabled",
        ]
        return parts.joined(separator: "; ") + "."
    }

    private static func accountStep(_ admission: DirectoryAdmission?) -> ConnectionCheckStep {
        let (isGood, detail): (Bool, String) =
            switch admission {
            case nil: (true, "There is no account yet; it is made at the first sign-in or mail.")
            case .admitted(_, .restored)?: (true, "A synchronisation has suspended the account and would restore it.")
            case .admitted(let account, _)?: (true, "The account \(account.id) has the address.")
            case .noAccount?: (false, "There is no account, and the connection makes none.")
            case .addressTaken?: (false, "The address is that of a list or an alias here.")
            case .anotherPerson?:
                (
                    false,
                    "The address is that of an account whose person has another identifier in the directory, or left before it was "
                        + "read. Remove the account, give it another address, or unlink it if it is the same person's."
                )
            case .otherDomain?: (false, "The address is that of an account whose primary address is of another domain.")
            case .roleAbove?: (false, "The account's role is above that of who set the connection.")
            case .suspended?: (false, "The account is suspended, or shared.")
            case .connectionChanged?: (false, "The connection was changed meanwhile.")
            }
        return ConnectionCheckStep(name: "account", isGood: isGood, detail: detail)
    }

    package func count(_ domain: String, _ now: Timestamp) async throws(ConnectionFault) {
        let limit = service.limits.testsPerMinute
        guard case .allowed = await limiter.count("directory.test:\(domain)", limit: limit, windowSeconds: 60, now: now)
        else { throw .tooMany }
    }
}
