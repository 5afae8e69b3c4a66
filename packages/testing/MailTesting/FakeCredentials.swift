package import MailModel
package import MailPorts
import Synchronization

/// App passwords and endings in memory, for tests of what stands on them.
package final class FakeCredentials: CredentialStore, SecondFactorStore {
    struct Row {
        var password: AppPassword
        var hash: [UInt8]
        var keys: SCRAMKeys
    }

    struct State {
        var rows: [Row] = []
        var endings: [SignInEnding] = []
        var uses = 0
        var factors: [AccountID: SecondFactor] = [:]
        var recovery: [AccountID: Set<[UInt8]>] = [:]
        var passkeys: [Passkey] = []
        var spent: Set<SpentChallenge> = []
        var audit: [AuditEvent] = []
        var next: Int64 = 1
        var demanding: Set<AccountID> = []
        var withoutPassword: Set<AccountID> = []
        var failure: StoreError?
    }

    private let state = Mutex(State())
    private let now: Timestamp

    package init(now: Timestamp = Timestamp(seconds: 1_700_000_000)) { self.now = now }

    /// Every later call throws it; nil ends that.
    package func fail(with error: StoreError?) { state.withLock { $0.failure = error } }
    /// How often a use was written.
    package var uses: Int { state.withLock { $0.uses } }

    /// The account signs in by its passkeys alone.
    package func takePassword(of account: AccountID) { state.withLock { _ = $0.withoutPassword.insert(account) } }

    package func end(_ account: AccountID, _ credential: SignInCredential?) {
        state.withLock { $0.end(account, credential) }
    }

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

    /// Lines of passkeys, second factors and app passwords.
    package var audit: [AuditEvent] { state.withLock { $0.audit } }

    package func addAppPassword(
        _ new: NewAppPassword,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> AppPassword {
        try change { state throws(StoreError) in
            let known = state.rows.filter { $0.password.account == new.account }
            guard known.count < limit else { throw .refused("an account has at most \(limit) app passwords") }
            guard !known.contains(where: { $0.password.name == new.name }) else { throw .alreadyExists }
            let made = AppPassword(
                id: AppPasswordID(state.next),
                account: new.account,
                name: new.name,
                scopes: new.scopes,
                createdAt: now
            )
            state.next += 1
            state.rows.append(Row(password: made, hash: new.secretHash, keys: new.scram))
            state.audit.append(audit.attributed)
            return made
        }
    }

    package func appPasswords(of account: AccountID) async throws(StoreError) -> [AppPassword] {
        try change { state in state.rows.map(\.password).filter { $0.account == account } }
    }

    package func appPassword(of account: AccountID, secretHash: [UInt8]) async throws(StoreError) -> AppPassword? {
        try change { state in
            state.rows.first { $0.password.account == account && $0.hash == secretHash }?.password
        }
    }

    package func scramKeys(
        of account: AccountID
    ) async throws(StoreError) -> [(password: AppPassword, keys: SCRAMKeys)] {
        try change { state in
            state.rows.filter { $0.password.account == account }.map { ($0.password, $0.keys) }
        }
    }

    package func noteUse(_ use: LastUse, of id: AppPasswordID, account: AccountID) async throws(StoreError) {
        try change { state in
            guard let place = state.rows.firstIndex(where: { $0.password.id == id }) else { return }
            state.rows[place].password.lastUse = use
            state.uses += 1
        }
    }

    package func removeAppPassword(
        _ id: AppPasswordID,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard let place = state.rows.firstIndex(where: { $0.password.id == id && $0.password.account == account })
            else { throw .notFound }
            state.rows.remove(at: place)
            state.end(account, .appPassword(id))
            state.audit.append(audit.attributed)
        }
    }

    package func signInEndings(after number: Int64?, limit: Int) async throws(StoreError) -> [SignInEnding] {
        try change { state in
            guard let number else { return Array(state.endings.suffix(1)) }
            return Array(state.endings.filter { $0.number > number }.prefix(limit))
        }
    }

    // MARK: - Second factors

    package func secondFactor(of account: AccountID) async throws(StoreError) -> SecondFactor? {
        try change { $0.factors[account] }
    }

    package func beginSecondFactor(of account: AccountID, sealedSecret: [UInt8]) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard state.factors[account]?.isConfirmed != true else { throw .alreadyExists }
            state.factors[account] = SecondFactor(sealedSecret: sealedSecret, isConfirmed: false, lastStep: 0)
        }
    }

    package func confirmSecondFactor(
        of account: AccountID,
        sealedSecret: [UInt8],
        step: Int64,
        recoveryHashes: [[UInt8]],
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard let factor = state.factors[account], !factor.isConfirmed, factor.sealedSecret == sealedSecret else {
                throw .notFound
            }
            state.factors[account] = SecondFactor(sealedSecret: sealedSecret, isConfirmed: true, lastStep: step)
            state.recovery[account] = Set(recoveryHashes)
            state.end(account, .password)
            state.audit.append(audit.attributed)
        }
    }

    package func spendStep(
        _ step: Int64,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) -> Bool {
        try change { state in
            guard let factor = state.factors[account], factor.isConfirmed, factor.lastStep < step else { return false }
            state.factors[account]?.lastStep = step
            state.audit.append(audit.attributed)
            return true
        }
    }

    package func spendRecoveryCode(
        _ hash: [UInt8],
        of account: AccountID,
        audit: [AuditEvent]
    ) async throws(StoreError) -> Bool {
        try change { state in
            guard state.recovery[account]?.remove(hash) != nil else { return false }
            state.audit += audit.map(\.attributed)
            return true
        }
    }

    package func recoveryCodesLeft(of account: AccountID) async throws(StoreError) -> Int {
        try change { $0.recovery[account]?.count ?? 0 }
    }

    package func replaceRecoveryCodes(
        of account: AccountID,
        with hashes: [[UInt8]],
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard !state.kinds(account).isEmpty else { throw .notFound }
            state.recovery[account] = Set(hashes)
            state.audit.append(audit.attributed)
        }
    }

    package func removeSecondFactor(
        of account: AccountID,
        evenIfDemanded: Bool,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard let known = state.factors.removeValue(forKey: account) else { throw .notFound }
            if state.kinds(account).isEmpty {
                guard evenIfDemanded || !state.demanding.contains(account) else {
                    state.factors[account] = known
                    throw .refused("the organisation demands a second factor: this is the last one")
                }
                state.recovery[account] = nil
            }
            state.audit.append(audit.attributed)
        }
    }

    package func factorStanding(of account: AccountID) async throws(StoreError) -> FactorStanding {
        try change { FactorStanding(kinds: $0.kinds(account), isDemanded: $0.demanding.contains(account)) }
    }

    /// The account's organisation demands a second factor, or not any more.
    package func demandFactor(of account: AccountID, _ isDemanded: Bool = true) {
        state.withLock { state in
            if isDemanded { state.demanding.insert(account) } else { state.demanding.remove(account) }
        }
    }
}

extension FakeCredentials.State {
    mutating func end(_ account: AccountID, _ credential: SignInCredential?) {
        endings.append(SignInEnding(number: Int64(endings.count + 1), account: account, credential: credential))
    }
}
