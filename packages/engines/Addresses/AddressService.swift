package import MailModel
package import MailPorts

/// Bounds of what organisations and people may make.
package struct AddressLimits: Sendable {
    /// Targets of one alias.
    package static let targets = 1_000
    /// Owners of one list, and addresses that may write to it.
    package static let owners = 50
    package static let senders = 1_000
    /// Octets of a name, label or site.
    package static let text = 200
    /// Members of one list.
    package var members = 2_000
    /// Masked addresses of one account.
    package var masked = 500
    package init() {}
}

/// Who changes something, for the audit.
package struct AddressActor: Sendable {
    package var name: String
    package var remote: IPAddress?
    package init(_ name: String, remote: IPAddress? = nil) { (self.name, self.remote) = (name, remote) }
}

/// Aliases, catch-alls, domain aliases, lists and masked addresses: what is acceptable, and what the audit says of it.
///
/// Who may do it is for the caller to know.
package struct AddressService: Sendable {
    package let store: any AddressBook
    let directory: any DirectoryStore
    package let limits: AddressLimits
    let clock: any WallClock

    package init(
        store: any AddressBook,
        directory: any DirectoryStore,
        limits: AddressLimits = AddressLimits(),
        clock: any WallClock
    ) {
        self.store = store
        self.directory = directory
        self.limits = limits
        self.clock = clock
    }

    // MARK: - Aliases

    package func addAlias(_ alias: Alias, by actor: AddressActor) async throws(AddressError) {
        try Self.check(alias)
        let event = event("alias.add", alias.address.canonical, actor, AuditDetail(after: alias.targets))
        try await change(alias.address.description) { () async throws(StoreError) in
            try await store.addAlias(alias, audit: event)
        }
    }

    package func setTargets(of alias: Alias, by actor: AddressActor) async throws(AddressError) {
        try Self.check(alias)
        let address = alias.address
        guard let before = try await read({ () async throws(StoreError) in try await store.alias(address) }) else {
            throw .notFound
        }
        let event = event(
            "alias.change",
            address.canonical,
            actor,
            AuditDetail(before: before.targets, after: alias.targets)
        )
        try await change(address.description) { () async throws(StoreError) in
            try await store.setTargets(of: alias, audit: event)
        }
    }

    package func removeAlias(_ address: EmailAddress, by actor: AddressActor) async throws(AddressError) {
        guard let before = try await read({ () async throws(StoreError) in try await store.alias(address) }) else {
            throw .notFound
        }
        let event = event("alias.remove", address.canonical, actor, AuditDetail(before: before.targets))
        try await change(address.description) { () async throws(StoreError) in
            try await store.removeAlias(address, audit: event)
        }
    }

    static func check(_ alias: Alias) throws(AddressError) {
        guard (1...AddressLimits.targets).contains(alias.targets.count) else {
            throw .refused("targets", "an alias has 1 to \(AddressLimits.targets) targets")
        }
        guard Set(alias.targets).count == alias.targets.count else {
            throw .refused("targets", "a target is named twice")
        }
    }

    // MARK: - Domains

    package func setCatchAll(
        _ catchAll: CatchAll?,
        of domain: String,
        by actor: AddressActor
    ) async throws(AddressError) {
        let before = try await routing(of: domain).catchAll
        let event = event(
            "domain.catch_all",
            domain,
            actor,
            AuditDetail(before: before?.word ?? "reject", after: catchAll?.word ?? "reject")
        )
        try await change(domain) { () async throws(StoreError) in
            try await store.setCatchAll(catchAll, of: domain, audit: event)
        }
    }

    package func setSeparator(
        _ separator: SubaddressSeparator,
        of domain: String,
        by actor: AddressActor
    ) async throws(AddressError) {
        let before = try await routing(of: domain).separator
        let detail = AuditDetail(before: before.rawValue, after: separator.rawValue)
        let event = event("domain.subaddressing", domain, actor, detail)
        try await change(domain) { () async throws(StoreError) in
            try await store.setSeparator(separator, of: domain, audit: event)
        }
    }

    package func setDomainAlias(
        _ domain: String,
        of main: String?,
        by actor: AddressActor
    ) async throws(AddressError) {
        let before = try await routing(of: domain).aliasOf
        let event = event("domain.alias", domain, actor, AuditDetail(before: before ?? "", after: main ?? ""))
        try await change(domain) { () async throws(StoreError) in
            try await store.setDomainAlias(domain, of: main, audit: event)
        }
    }

    package func routing(of domain: String) async throws(AddressError) -> DomainRouting {
        let found = try await read { () async throws(StoreError) in try await store.routing(of: domain) }
        guard let found else { throw .notFound }
        return found
    }

    // MARK: - Steps

    func event(
        _ action: String,
        _ subject: String,
        _ actor: AddressActor,
        _ detail: AuditDetail = AuditDetail()
    ) -> AuditEvent {
        AuditEvent(
            at: clock.now(),
            actor: actor.name,
            action: action,
            subject: subject,
            remote: actor.remote,
            detail: detail.text
        )
    }

    func read<Value>(_ work: () async throws(StoreError) -> Value) async throws(AddressError) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw AddressError(error, "")
        }
    }

    @discardableResult
    func change<Value>(
        _ subject: String,
        _ work: () async throws(StoreError) -> Value
    ) async throws(AddressError) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw AddressError(error, subject)
        }
    }

    static func isText(_ text: String) -> Bool {
        text.utf8.count <= AddressLimits.text && !text.utf8.contains { $0 < 32 || $0 == 127 }
    }

    func checkText(_ name: String, _ text: String) throws(AddressError) {
        guard Self.isText(text) else {
            throw .refused(name, "at most \(AddressLimits.text) octets, without control characters")
        }
    }
}

extension CatchAll {
    /// `deliver ann@shop.test`.
    package var word: String {
        switch self {
        case .deliver(let address): "deliver \(address)"
        case .forward(let address): "forward \(address)"
        }
    }
}
