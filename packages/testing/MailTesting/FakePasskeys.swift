package import MailModel
package import MailPorts
import Synchronization

extension FakeCredentials: PasskeyStore {
    /// Lines that came with changes of passkeys.

    package func secondFactorKinds(of account: AccountID) async throws(StoreError) -> Set<SecondFactorKind> {
        try change { $0.kinds(account) }
    }

    package func passkeys(of account: AccountID) async throws(StoreError) -> [Passkey] {
        try change { state in state.passkeys.filter { $0.account == account } }
    }

    package func addPasskey(
        _ new: Passkey,
        spending challenge: SpentChallenge,
        recoveryHashes: [[UInt8]],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> (passkey: Passkey, tookRecoveryCodes: Bool) {
        try change { state throws(StoreError) in
            guard state.spent.insert(challenge).inserted else { throw .refused("the challenge was answered before") }
            let known = state.passkeys.filter { $0.account == new.account }
            guard known.count < limit else { throw .refused("an account has at most \(limit) passkeys") }
            guard !known.contains(where: { $0.name == new.name || $0.credential == new.credential }) else {
                throw .alreadyExists
            }
            var made = new
            made.id = PasskeyID(state.next)
            state.next += 1
            state.passkeys.append(made)
            state.audit.append(audit)
            if known.isEmpty { state.end(new.account, .password) }
            let takesCodes = state.recovery[new.account, default: []].isEmpty
            if takesCodes { state.recovery[new.account] = Set(recoveryHashes) }
            return (made, takesCodes)
        }
    }

    package func usePasskey(
        _ use: PasskeyUse,
        spending challenge: SpentChallenge,
        audit: AuditEvent,
        alarm: AuditEvent
    ) async throws(StoreError) -> PasskeyUseOutcome {
        try change { state in
            guard state.spent.insert(challenge).inserted else { return .replayed }
            guard let place = state.passkeys.firstIndex(where: { $0.id == use.passkey && $0.account == use.account })
            else { return .gone }
            let known = state.passkeys[place].signCount
            guard use.signCount > known || use.signCount == 0 && known == 0 else {
                state.audit.append(alarm)
                return .counterWentBack
            }
            state.passkeys[place].signCount = use.signCount
            state.passkeys[place].isBackedUp = use.isBackedUp
            state.passkeys[place].lastUse = use.use
            if use.verifiedUser { state.passkeys[place].verifiesUser = true }
            state.audit.append(audit)
            return .used
        }
    }

    package func renamePasskey(
        _ id: PasskeyID,
        of account: AccountID,
        to name: String,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard let place = state.passkeys.firstIndex(where: { $0.id == id && $0.account == account }) else {
                throw .notFound
            }
            state.passkeys[place].name = name
            state.audit.append(audit)
        }
    }

    package func removePasskey(
        _ id: PasskeyID,
        of account: AccountID,
        removal: PasskeyRemoval,
        audit: AuditEvent
    ) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard let place = state.passkeys.firstIndex(where: { $0.id == id && $0.account == account }) else {
                throw .notFound
            }
            let known = state.passkeys.remove(at: place)
            let isShut = state.withoutPassword.contains(account) && !state.verifies(account)
            guard removal == .forced || !isShut else {
                state.passkeys.insert(known, at: place)
                throw .refused("the account has no password: this is the last way in")
            }
            if state.kinds(account).isEmpty {
                guard removal != .byOwner || !state.demanding.contains(account) else {
                    state.passkeys.insert(known, at: place)
                    throw .refused("the organisation demands a second factor: this is the last one")
                }
                state.recovery[account] = nil
            }
            state.audit.append(audit)
        }
    }
}

extension FakeCredentials.State {
    fileprivate func verifies(_ account: AccountID) -> Bool {
        passkeys.contains { $0.account == account && $0.verifiesUser }
    }

    func kinds(_ account: AccountID) -> Set<SecondFactorKind> {
        var kinds: Set<SecondFactorKind> = []
        if factors[account]?.isConfirmed == true { kinds.insert(.totp) }
        if passkeys.contains(where: { $0.account == account }) { kinds.insert(.passkey) }
        return kinds
    }
}
