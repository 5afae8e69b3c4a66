package import MailModel
package import MailPorts

extension SecondFactorService {
    /// Whether it is on, and how many recovery codes are left.
    package func state(of account: AccountID) async throws(AccountError) -> (isEnabled: Bool, recoveryCodesLeft: Int) {
        do throws(StoreError) {
            let isEnabled = try await store.secondFactor(of: account)?.isConfirmed == true
            return (isEnabled, isEnabled ? try await store.recoveryCodesLeft(of: account) : 0)
        } catch {
            throw .store(error)
        }
    }

    package func disable(
        _ account: Account,
        actor: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) {
        try await Self.disable(account, store: store, directory: directory, actor: actor, remote: remote, now: now)
    }

    /// For an operator, who has neither password nor code.
    package static func disable(
        _ account: Account,
        store: any SecondFactorStore,
        directory: any DirectoryStore,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) {
        do throws(StoreError) {
            try await store.removeSecondFactor(of: account.id)
        } catch {
            throw .store(error)
        }
        try? await directory.recordAudit(
            AuditEvent(
                at: now,
                actor: actor,
                action: "second_factor.disable",
                subject: account.primaryAddress.canonical,
                remote: remote
            )
        )
    }

    func audit(
        _ action: String,
        _ account: Account,
        _ actor: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async {
        // The change is made; a lost audit line must not undo it. The store logs its own failure.
        try? await directory.recordAudit(
            AuditEvent(at: now, actor: actor, action: action, subject: account.primaryAddress.canonical, remote: remote)
        )
    }
}
