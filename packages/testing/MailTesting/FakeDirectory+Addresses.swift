package import MailModel
package import MailPorts

/// Aliases and rules of domains; circles are not looked for.
extension FakeDirectory: AddressStore {
    /// Filters are not looked at.
    package func aliases(_ listing: AliasListing) async throws(StoreError) -> [Alias] {
        let all = try await aliases(ofDomain: listing.domain)
        return listing.page(of: all.map { Alias(address: $0.alias, targets: $0.targets) })
    }

    package func alias(_ address: EmailAddress) async throws(StoreError) -> Alias? {
        try change { state in
            state.aliases[address.canonical].map { Alias(address: $0.alias, targets: $0.targets) }
        }
    }

    package func addAlias(_ alias: Alias, audit: AuditEvent) async throws(StoreError) {
        try await addAlias(alias.address, targets: alias.targets)
        try await recordAudit(audit)
    }

    package func setTargets(of alias: Alias, audit: AuditEvent) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.aliases[alias.address.canonical] != nil else { throw .notFound }
            state.aliases[alias.address.canonical] = (alias.address, alias.targets)
            state.audit.append(audit)
        }
    }

    package func removeAlias(_ address: EmailAddress, audit: AuditEvent) async throws(StoreError) {
        try await removeAlias(address)
        try await recordAudit(audit)
    }

    package func routing(of domain: String) async throws(StoreError) -> DomainRouting? {
        try change { state in
            state.domains.contains { $0.name == domain } ? state.routing[domain] ?? DomainRouting() : nil
        }
    }

    package func setCatchAll(
        _ catchAll: CatchAll?,
        of domain: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state in
            state.routing[domain, default: DomainRouting()].catchAll = catchAll
            state.audit.append(audit)
        }
    }

    package func setSeparator(
        _ separator: SubaddressSeparator,
        of domain: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state in
            state.routing[domain, default: DomainRouting()].separator = separator
            state.audit.append(audit)
        }
    }

    package func setDomainAlias(
        _ domain: String,
        of main: String?,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state in
            state.routing[domain, default: DomainRouting()].aliasOf = main
            state.audit.append(audit)
        }
    }

    package func domainAliases(of domain: String) async throws(StoreError) -> [String] {
        try change { state in state.routing.filter { $0.value.aliasOf == domain }.keys.sorted() }
    }

    package func separators(of account: AccountID) async throws(StoreError) -> [String: SubaddressSeparator] {
        try change { $0.routing.mapValues(\.separator) }
    }
}

/// Masked addresses are none here.
extension FakeDirectory: MaskedAddressStore {
    package func maskedAddresses(_ listing: MaskedListing) async throws(StoreError) -> [MaskedAddress] { [] }
    package func maskedAddress(
        _ address: EmailAddress,
        of account: AccountID
    ) async throws(StoreError) -> MaskedAddress? { nil }
    package func addMaskedAddress(
        _ masked: MaskedAddress,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) { throw .refused("no fake") }
    package func changeMaskedAddress(_ masked: MaskedAddress, audit: AuditEvent) async throws(StoreError) {
        throw .notFound
    }
    package func removeMaskedAddress(
        _ address: EmailAddress,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) { throw .notFound }
}
