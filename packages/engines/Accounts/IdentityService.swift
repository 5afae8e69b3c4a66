package import MailModel
package import MailPorts

package struct IdentityLimits: Sendable {
    /// Addresses of one account of which something is said.
    package var identities = 100
    /// Addresses in `reply_to` and in `bcc`.
    package static let others = 10
    /// Addresses that a message was written to, or is for, as they are looked at.
    package static let addresses = 100
    package init() {}
}

/// With what addresses, names and signatures people write.
///
/// Invariants: something is said of addresses only that the account may send with; HTML that is kept only shows text.
package struct IdentityService: Sendable {
    private let store: any IdentityStore
    private let directory: any DirectoryStore
    private let limits: IdentityLimits

    package init(
        store: any IdentityStore,
        directory: any DirectoryStore,
        limits: IdentityLimits = IdentityLimits()
    ) {
        (self.store, self.directory, self.limits) = (store, directory, limits)
    }

    package func book(of account: Account) async throws(AccountError) -> IdentityBook {
        try await AccountError.stored { () async throws(StoreError) in
            IdentityBook(account, try await store.identities(of: account.id))
        }
    }

    /// `.notFound` when the account may not send with it.
    package func identity(_ text: String, of account: Account) async throws(AccountError) -> Identity {
        guard let address = Self.address(text), let found = try await book(of: account).identity(for: address)
        else { throw .store(.notFound) }
        return found
    }

    /// nil: nothing is said of it any more.
    ///
    /// - Throws: `.notFound` when the account may not send with it, or there is nothing to forget.
    package func set(
        _ settings: IdentitySettings?,
        of text: String,
        for account: Account,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) {
        guard let address = Self.address(text) else { throw .store(.notFound) }
        let book = try await book(of: account)
        if settings != nil {
            guard let identity = book.identity(for: address) else { throw .store(.notFound) }
            // What is said of an address with a detail would be found by nobody.
            guard book.lists(address) || identity.address.kind == .domain else {
                throw .store(.refused("say it of the address without its detail"))
            }
        }
        let checked = try settings.map { settings throws(AccountError) in try Self.checked(settings) }
        try await AccountError.stored { () async throws(StoreError) in
            try await store.setIdentity(
                checked,
                of: address,
                for: account.id,
                forgetting: book.stale,
                atMost: limits.identities,
                audit: actor.event("account.identity", account.primaryAddress.canonical, now)
            )
        }
    }

    package func set(
        _ settings: ComposingSettings,
        for account: Account,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) {
        var kept = settings
        if let address = settings.defaultAddress {
            guard IdentityBook.isOne(address), let known = try await book(of: account).identity(for: address) else {
                throw .fieldRefused("default", "You may not send with this address.")
            }
            kept.defaultAddress = known.address.address
        }
        kept.signature = try settings.signature.map { signature throws(AccountError) in
            try SignatureRules.checked(signature, in: "signature/")
        }
        let settings = kept
        try await AccountError.stored { () async throws(StoreError) in
            try await store.setComposing(
                settings,
                for: account.id,
                audit: actor.event("account.composing", account.primaryAddress.canonical, now)
            )
        }
    }

    // MARK: - Hints

    /// What a recipient is to who writes.
    package enum Relation: String, CaseIterable, Sendable {
        /// Themselves.
        case own = "self"
        case sameDomain = "same_domain"
        /// At a domain of the same organisation.
        case `internal`
        case external
    }

    /// - Parameter sender: what the message is written with.
    package func relations(
        of recipients: [EmailAddress],
        to sender: EmailAddress,
        _ book: IdentityBook,
        _ account: Account
    ) async throws(AccountError) -> [Relation] {
        var domains: [String: Bool] = [:]
        var found: [Relation] = []
        for recipient in recipients {
            if let own = book.identity(for: recipient), own.address.kind != .domain, own.address.kind != .granted {
                found.append(.own)
            } else if recipient.domain.utf8.elementsEqual(sender.domain.utf8) {
                found.append(.sameDomain)
            } else if let known = domains[recipient.domain] {
                found.append(known ? .internal : .external)
            } else {
                let domain = try await AccountError.stored { () async throws(StoreError) in
                    try await directory.domain(named: recipient.domain)
                }
                let isOurs = domain?.organisation == account.organisation && domain?.status != .deleted
                domains[recipient.domain] = isOurs
                found.append(isOurs ? .internal : .external)
            }
        }
        return found
    }

    // MARK: - Checking

    private static func checked(_ settings: IdentitySettings) throws(AccountError) -> IdentitySettings {
        var kept = settings
        kept.name = try settings.name.map { name throws(AccountError) in
            try PeopleService.text(name, "name", mayBeEmpty: true)
        }
        for (name, addresses) in [("reply_to", settings.replyTo), ("bcc", settings.bcc)] {
            guard addresses.count <= IdentityLimits.others else {
                throw .fieldRefused(name, "There are at most \(IdentityLimits.others) addresses.")
            }
        }
        kept.signature = try settings.signature.map { signature throws(AccountError) in
            try SignatureRules.checked(signature, in: "signature/")
        }
        return kept
    }

    private static func address(_ text: String) -> EmailAddress? {
        EmailAddress(text)
    }
}
