package import MailModel

/// What an account proves beside its password.
package struct SecondFactor: Hashable, Sendable {
    /// Sealed with the platform's master key.
    package var sealedSecret: [UInt8]
    /// false until its owner has shown a code: it asks nothing of anybody before.
    package var isConfirmed: Bool
    /// The last time step (RFC 6238 §4.2) whose code was taken; codes of it and of earlier ones are not.
    package var lastStep: Int64
    package init(sealedSecret: [UInt8], isConfirmed: Bool, lastStep: Int64) {
        self.sealedSecret = sealedSecret
        self.isConfirmed = isConfirmed
        self.lastStep = lastStep
    }
}

/// What an account may be asked for after its password.
package enum SecondFactorKind: String, CaseIterable, Sendable {
    /// Codes that change with the time.
    case totp
    case passkey
}

/// Second factors and their recovery codes, of which only hashes are kept.
///
/// Audit events are written in the transaction of what they tell of.
package protocol SecondFactorStore: Sendable {
    /// What the account has confirmed; empty: its password is enough.
    func secondFactorKinds(of account: AccountID) async throws(StoreError) -> Set<SecondFactorKind>
    /// The same, with what its organisation demands.
    func factorStanding(of account: AccountID) async throws(StoreError) -> FactorStanding
    func secondFactor(of account: AccountID) async throws(StoreError) -> SecondFactor?
    /// Keeps a secret to be confirmed, in place of one that was not; `.alreadyExists` when one is confirmed.
    func beginSecondFactor(of account: AccountID, sealedSecret: [UInt8]) async throws(StoreError)
    /// Confirms this secret with the step of the code that proved it, and makes these the recovery codes.
    ///
    /// Mail sessions that signed in with the account's own password end. `.notFound` when that secret does not wait.
    func confirmSecondFactor(
        of account: AccountID,
        sealedSecret: [UInt8],
        step: Int64,
        recoveryHashes: [[UInt8]],
        audit: AuditEvent
    ) async throws(StoreError)
    /// Takes the code of a step: true once, however many try, and only for steps after the last.
    func spendStep(_ step: Int64, of account: AccountID, audit: AuditEvent) async throws(StoreError) -> Bool
    /// True once for each code.
    func spendRecoveryCode(
        _ hash: [UInt8],
        of account: AccountID,
        audit: [AuditEvent]
    ) async throws(StoreError) -> Bool
    /// Recovery codes that were not used.
    func recoveryCodesLeft(of account: AccountID) async throws(StoreError) -> Int
    /// `.notFound` without any second factor.
    func replaceRecoveryCodes(
        of account: AccountID,
        with hashes: [[UInt8]],
        audit: AuditEvent
    ) async throws(StoreError)
    /// With the recovery codes, unless there are passkeys; `.notFound` when there is none.
    ///
    /// - Parameter evenIfDemanded: false: `.refused` for the last factor of an account whose organisation demands one.
    func removeSecondFactor(
        of account: AccountID,
        evenIfDemanded: Bool,
        audit: AuditEvent
    ) async throws(StoreError)
}
