package import MailModel
package import MailPorts
import Synchronization

/// The directory and the sessions in memory, for tests of what stands on them.
package final class FakeDirectory: DirectoryStore, SessionStore, AuditStore {
    struct State {
        var organisations: [Organisation] = []
        var domains: [HostedDomain] = []
        var claims: [DomainClaim] = []
        var checks: [DomainCheckRecord] = []
        var told: [String] = []
        var nextChecks: [String: Timestamp] = [:]
        var leases: [String: (holder: String, until: Timestamp)] = [:]
        var keys: [String: [DKIMKey]] = [:]
        var accounts: [Account] = []
        var hashes: [AccountID: String] = [:]
        var oldHashes: [AccountID: [String]] = [:]
        var waysIn: Set<AccountID> = []
        var limits: [QuotaSubject: QuotaLimits] = [:]
        var aliases: [String: (alias: EmailAddress, targets: [EmailAddress])] = [:]
        var routing: [String: DomainRouting] = [:]
        var lists: [String: FakeList] = [:]
        var audit: [AuditEvent] = []
        var refusesAudit = false
        var resets: [AccountID] = []
        var tokens: [[UInt8]: (token: RefreshToken, isSpent: Bool)] = [:]
        var revoked: Set<String> = []
        var limited: Set<String> = []
        var acting: [String: ActingSession] = [:]
        var signInPolicies: [OrganisationID: SignInPolicyRecord] = [:]
        var secrets: [String: [UInt8]] = [:]
        var failure: StoreError?
        var credentialLookups = 0
    }

    private let state = Mutex(State())
    let now: Timestamp

    package init(now: Timestamp = Timestamp(seconds: 1_700_000_000)) { self.now = now }

    /// Every later call throws it; nil ends that.
    package func fail(with error: StoreError?) { state.withLock { $0.failure = error } }
    package var audit: [AuditEvent] { state.withLock { $0.audit } }
    /// Bodies for webhooks.
    package var told: [String] { state.withLock { $0.told } }
    package var resets: [AccountID] { state.withLock { $0.resets } }
    package var credentialLookups: Int { state.withLock { $0.credentialLookups } }
    package func passwordHash(of id: AccountID) -> String? { state.withLock { $0.hashes[id] } }
    /// As if the account had a passkey that has verified its user.
    package func giveWayIn(to id: AccountID) { state.withLock { _ = $0.waysIn.insert(id) } }

    func change<Value>(_ body: (inout State) throws(StoreError) -> Value) throws(StoreError) -> Value {
        let outcome: Result<Value, StoreError> = state.withLock { state in
            if let failure = state.failure { return .failure(failure) }
            do throws(StoreError) {
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    // MARK: - Directory

    package func addOrganisation(name: String, audit: AuditEvent) async throws(StoreError) -> Organisation {
        try change { $0.audit.append(audit.attributed) }
        return try await addOrganisation(name: name)
    }

    /// For what a test begins with: leaves no line.
    package func addOrganisation(name: String) async throws(StoreError) -> Organisation {
        try change { state in
            let made = Organisation(id: OrganisationID(Int64(state.organisations.count + 1)), name: name)
            state.organisations.append(made)
            return made
        }
    }

    package func organisations() async throws(StoreError) -> [Organisation] { try change { $0.organisations } }

    package func signInPolicy(of organisation: OrganisationID) async throws(StoreError) -> SignInPolicyRecord {
        try change { $0.signInPolicies[organisation] ?? SignInPolicyRecord() }
    }

    /// Puts a policy in force, whatever there was.
    package func setSignInPolicy(_ policy: SignInPolicy, of organisation: OrganisationID) {
        state.withLock { state in
            let version = (state.signInPolicies[organisation]?.version ?? 0) + 1
            state.signInPolicies[organisation] = SignInPolicyRecord(version: version, policy: policy, changedAt: now)
        }
    }

    package func addDomain(
        _ name: String,
        organisation: OrganisationID,
        keys: [DKIMKey],
        audit: AuditEvent
    ) async throws(StoreError) -> HostedDomain {
        let made = try await addDomain(name, organisation: organisation, keys: keys)
        try change { $0.audit.append(audit.attributed) }
        return made
    }

    /// For what a test begins with: leaves no line.
    package func addDomain(
        _ name: String,
        organisation: OrganisationID,
        keys: [DKIMKey]
    ) async throws(StoreError) -> HostedDomain {
        try change { state throws(StoreError) in
            guard !state.domains.contains(where: { $0.name == name }) else { throw .alreadyExists }
            let made = HostedDomain(
                id: DomainID(Int64(state.domains.count + 1)),
                organisation: organisation,
                name: name,
                status: .active,
                createdAt: now
            )
            state.domains.append(made)
            state.keys[name] = keys
            return made
        }
    }

    package func domain(named name: String) async throws(StoreError) -> HostedDomain? {
        try change { state in state.domains.first { $0.name == name } }
    }

    package func domains(
        of organisation: OrganisationID?,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [HostedDomain] {
        try change { state in
            let found = state.domains.filter {
                (organisation == nil || $0.organisation == organisation) && $0.name > (after ?? "")
                    && $0.status != .deleted
            }
            return Array(found.sorted { $0.name < $1.name }.prefix(limit))
        }
    }

    package func signingKeys(of domain: String) async throws(StoreError) -> [DKIMKey] {
        try change { ($0.keys[domain] ?? []).filter { $0.state == .signing } }
    }

    package func addAccount(_ account: NewAccount, audit: AuditEvent?) async throws(StoreError) -> Account {
        try change { state throws(StoreError) in
            guard !state.accounts.contains(where: { $0.primaryAddress == account.address }) else {
                throw .alreadyExists
            }
            guard state.aliases[account.address.canonical] == nil else { throw .alreadyExists }
            let made = Account(
                id: AccountID(Int64(state.accounts.count + 1)),
                organisation: account.organisation,
                primaryAddress: account.address,
                displayName: account.displayName,
                role: account.role,
                status: .active,
                quotaBytes: account.quotaBytes,
                usedBytes: 0,
                usedMessages: 0,
                createdAt: now,
                hasPassword: account.passwordHash != nil
            )
            try state.record(audit)
            state.accounts.append(made)
            state.hashes[made.id] = account.passwordHash
            return made
        }
    }

    package func account(_ id: AccountID) async throws(StoreError) -> Account? {
        try change { state in state.accounts.first { $0.id == id } }
    }

    package func account(withAddress address: EmailAddress) async throws(StoreError) -> Account? {
        try change { state in state.accounts.first { $0.primaryAddress == address } }
    }

    package func accounts(ofDomain domain: String, after: String?, limit: Int) async throws(StoreError) -> [Account] {
        try change { state in
            let found = state.accounts.filter {
                $0.primaryAddress.domain == domain && $0.primaryAddress.canonical > (after ?? "")
            }
            return Array(found.sorted { $0.primaryAddress.canonical < $1.primaryAddress.canonical }.prefix(limit))
        }
    }

    private func change(_ id: AccountID, _ body: (inout Account) -> Void) throws(StoreError) {
        try change { state throws(StoreError) in
            guard let index = state.accounts.firstIndex(where: { $0.id == id }) else { throw .notFound }
            body(&state.accounts[index])
        }
    }

    package func setAccountStatus(_ id: AccountID, _ status: Account.Status) async throws(StoreError) {
        try change(id) { $0.status = status }
    }
    package func setQuota(_ id: AccountID, bytes: Int64?, audit: AuditEvent?) async throws(StoreError) {
        try change(id) { $0.quotaBytes = bytes }
        try change { state throws(StoreError) in try state.record(audit) }
    }
    package func resetAccount(_ id: AccountID, audit: AuditEvent?) async throws(StoreError) {
        try change { state throws(StoreError) in
            try state.record(audit)
            state.resets.append(id)
        }
    }

    package func addAlias(_ alias: EmailAddress, targets: [EmailAddress]) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.aliases[alias.canonical] == nil else { throw .alreadyExists }
            state.aliases[alias.canonical] = (alias, targets)
        }
    }

    package func removeAlias(_ alias: EmailAddress) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.aliases.removeValue(forKey: alias.canonical) != nil else { throw .notFound }
        }
    }

    package func aliases(
        ofDomain domain: String
    ) async throws(StoreError) -> [(alias: EmailAddress, targets: [EmailAddress])] {
        try change { state in
            state.aliases.values.filter { $0.alias.domain == domain }.sorted { $0.alias.canonical < $1.alias.canonical }
        }
    }

    package func resolve(_ address: EmailAddress) async throws(StoreError) -> RecipientResolution {
        try change { state in
            let main = state.routing[address.domain]?.aliasOf
            let place = main.map { EmailAddress(uncheckedLocalPart: address.localPart, domain: $0) } ?? address
            let bases = place.withoutDetail(state.routing[place.domain]?.separator ?? .plus)
            for one in [place] + bases {
                if let found = state.listed(one) { return found }
            }
            switch state.domains.first(where: { $0.name == address.domain })?.status {
            case .active: return .unknownAddress
            case .suspended: return .suspended
            case .deleted, nil: return .notHosted
            }
        }
    }

    package func sendingAddresses(of account: AccountID) async throws(StoreError) -> [EmailAddress] {
        try change { state in state.accounts.filter { $0.id == account }.map(\.primaryAddress) }
    }

    package func recordAudit(_ event: AuditEvent) async throws(StoreError) {
        try change { state throws(StoreError) in
            try state.record(event)
        }
    }

    package func noteAudit(_ event: AuditEvent) async { try? await recordAudit(event) }

    /// From now on no line is taken.
    package func failAudit() { state.withLock { $0.refusesAudit = true } }

    /// Every line with its place as its number; of no tenant.
    package func auditTrail(_ listing: AuditListing) async throws(StoreError) -> [AuditRecord] {
        try change { state in
            let filter = listing.filter
            let lines = state.audit.enumerated().map {
                AuditRecord(number: Int64($0.offset + 1), organisation: nil, event: $0.element)
            }
            let matching = lines.filter { line in
                (filter.action.map { line.event.action == $0 } ?? true) && filter.organisation == nil
            }
            return listing.page(of: matching)
        }
    }

    package func verifyAudit(known: AuditHead?) async throws(StoreError) -> AuditReport {
        try change { state in
            var report = AuditReport()
            report.count = state.audit.count
            return report
        }
    }

    // MARK: - Sessions

    package func add(_ token: RefreshToken) async throws(StoreError) {
        try change { $0.tokens[token.hash] = (token, false) }
    }

    package func rotate(
        _ hash: [UInt8],
        to next: RefreshToken,
        now: Timestamp,
        alarm: AuditEvent
    ) async throws(StoreError) -> RefreshOutcome {
        try change { state in
            guard let known = state.tokens[hash], known.token.expiresAt > now,
                !state.revoked.contains(known.token.family)
            else { return .unknown }
            guard !known.isSpent else {
                state.revoked.insert(known.token.family)
                state.note(alarm, about: known.token.account)
                return .reused(account: known.token.account)
            }
            state.tokens[hash] = (known.token, true)
            state.tokens[next.hash] = (next, false)
            return .rotated(account: known.token.account)
        }
    }

    package func revokeFamily(ofToken hash: [UInt8], audit: AuditEvent) async throws(StoreError) {
        try change { state in
            guard let known = state.tokens[hash], state.revoked.insert(known.token.family).inserted else { return }
            state.note(audit, about: known.token.account)
        }
    }

    package func sessions(of account: AccountID, now: Timestamp) async throws(StoreError) -> [SignInSession] {
        try change { state in
            state.tokens.values.filter {
                $0.token.account == account && !$0.isSpent && $0.token.expiresAt > now
                    && !state.revoked.contains($0.token.family)
            }.map {
                SignInSession(
                    family: $0.token.family,
                    device: $0.token.origin.device,
                    createdAt: $0.token.issuedAt,
                    lastUse: LastUse(at: $0.token.issuedAt, remote: $0.token.origin.remote)
                )
            }.sorted { $0.family < $1.family } + state.actingSessions(of: account, now: now)
        }
    }

    package func revokeSession(
        _ family: String,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.families(of: account).contains(family),
                state.revoked.insert(family).inserted
            else { throw .notFound }
            state.note(audit, about: account)
        }
    }

    package func revokeSessions(
        of account: AccountID,
        except family: String?,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        try change { state in
            let ended = state.revoke(of: account, except: family)
            if ended > 0 { state.note(audit, about: account) }
            return ended
        }
    }

    package func isRevoked(family: String) async throws(StoreError) -> Bool {
        try change { $0.revoked.contains(family) }
    }

    package func worth(ofFamily family: String) async throws(StoreError) -> SessionWorth {
        try change { state in
            guard !state.revoked.contains(family), state.actorIsSignedIn(family) else { return .ended }
            return state.limited.contains(family) ? .limited : .full
        }
    }

    /// From now on the sessions of the account are limited, or full again.
    package func limit(_ account: AccountID, _ isLimited: Bool = true) {
        state.withLock { state in
            for known in state.tokens.values where known.token.account == account {
                if isLimited {
                    state.limited.insert(known.token.family)
                } else {
                    state.limited.remove(known.token.family)
                }
            }
        }
    }

    package func platformSecret(
        _ name: String,
        makingIfAbsent make: @Sendable () -> [UInt8]
    ) async throws(StoreError) -> [UInt8] {
        try change { state in
            if let known = state.secrets[name] { return known }
            let made = make()
            state.secrets[name] = made
            return made
        }
    }
}

extension FakeDirectory.State {
    @discardableResult
    mutating func revoke(of account: AccountID, except family: String?) -> Int {
        let ended = families(of: account).subtracting(revoked).subtracting([family].compactMap(\.self))
        revoked.formUnion(ended)
        return ended.count
    }
}

extension FakeDirectory.State {
    mutating func record(_ event: AuditEvent?) throws(StoreError) {
        guard let event else { return }
        guard !refusesAudit else { throw .unavailable(reportID: "audit") }
        audit.append(event.attributed)
    }

    func listed(_ address: EmailAddress) -> RecipientResolution? {
        if let alias = aliases[address.canonical] { return .alias(alias.targets) }
        if let list = lists[address.canonical] { return .list(list.list.address) }
        guard let account = accounts.first(where: { $0.primaryAddress == address }) else { return nil }
        return account.status == .active
            ? .account(account.id, usedBytes: account.usedBytes, quotaBytes: account.quotaBytes) : .suspended
    }
}
