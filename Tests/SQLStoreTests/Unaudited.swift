import MailModel
import MailPorts

extension AuditEvent {
    /// A line of what a test does on its way, from before all others.
    static let test = AuditEvent(at: Timestamp(seconds: 0), actor: "test", action: "test", subject: "")
}

extension AuditFilter {
    /// All but what a test did on its way.
    static var own: AuditFilter {
        var filter = AuditFilter()
        filter.since = Timestamp(seconds: 1)
        return filter
    }
}

// For tests that look at what a change does and not at its line.

extension DirectoryStore {
    func addOrganisation(name: String) async throws(StoreError) -> Organisation {
        try await addOrganisation(name: name, audit: .test)
    }

    func addDomain(
        _ name: String,
        organisation: OrganisationID,
        keys: [DKIMKey]
    ) async throws(StoreError) -> HostedDomain {
        try await addDomain(name, organisation: organisation, keys: keys, audit: .test)
    }
}

extension CredentialStore {
    func addAppPassword(_ new: NewAppPassword, atMost limit: Int) async throws(StoreError) -> AppPassword {
        try await addAppPassword(new, atMost: limit, audit: .test)
    }

    func removeAppPassword(_ id: AppPasswordID, of account: AccountID) async throws(StoreError) {
        try await removeAppPassword(id, of: account, audit: .test)
    }
}

extension SecondFactorStore {
    func confirmSecondFactor(
        of account: AccountID,
        sealedSecret: [UInt8],
        step: Int64,
        recoveryHashes: [[UInt8]]
    ) async throws(StoreError) {
        try await confirmSecondFactor(
            of: account,
            sealedSecret: sealedSecret,
            step: step,
            recoveryHashes: recoveryHashes,
            audit: .test
        )
    }

    func spendStep(_ step: Int64, of account: AccountID) async throws(StoreError) -> Bool {
        try await spendStep(step, of: account, audit: .test)
    }

    func spendRecoveryCode(_ hash: [UInt8], of account: AccountID) async throws(StoreError) -> Bool {
        try await spendRecoveryCode(hash, of: account, audit: [.test])
    }

    func replaceRecoveryCodes(of account: AccountID, with hashes: [[UInt8]]) async throws(StoreError) {
        try await replaceRecoveryCodes(of: account, with: hashes, audit: .test)
    }

    func removeSecondFactor(of account: AccountID, evenIfDemanded: Bool) async throws(StoreError) {
        try await removeSecondFactor(of: account, evenIfDemanded: evenIfDemanded, audit: .test)
    }
}

extension SessionStore {
    func rotate(_ hash: [UInt8], to next: RefreshToken, now: Timestamp) async throws(StoreError) -> RefreshOutcome {
        try await rotate(hash, to: next, now: now, alarm: .test)
    }

    func revokeFamily(ofToken hash: [UInt8]) async throws(StoreError) {
        try await revokeFamily(ofToken: hash, audit: .test)
    }

    func revokeSession(_ family: String, of account: AccountID) async throws(StoreError) {
        try await revokeSession(family, of: account, audit: .test)
    }

    func revokeSessions(of account: AccountID, except family: String?) async throws(StoreError) -> Int {
        try await revokeSessions(of: account, except: family, audit: .test)
    }
}

extension QueueStore {
    func retryNow(_ selection: QueueSelection, now: Timestamp) async throws(StoreError) -> Int {
        try await retryNow(selection, now: now, audit: .test)
    }

    func hold(_ selection: QueueSelection) async throws(StoreError) -> Int {
        try await hold(selection, audit: .test)
    }

    func release(_ selection: QueueSelection, now: Timestamp) async throws(StoreError) -> Int {
        try await release(selection, now: now, audit: .test)
    }
}
