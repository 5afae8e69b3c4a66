package import MailModel
package import MailPorts

extension SecondFactorService {
    package struct State: Sendable {
        /// Codes that change with the time are on.
        package var isEnabled: Bool
        package var recoveryCodesLeft: Int
        /// The account's organisation demands a second factor, of whatever kind.
        package var isDemanded: Bool
    }

    package func state(of account: AccountID) async throws(AccountError) -> State {
        do throws(StoreError) {
            let standing = try await store.factorStanding(of: account)
            return State(
                isEnabled: standing.kinds.contains(.totp),
                recoveryCodesLeft: standing.kinds.isEmpty ? 0 : try await store.recoveryCodesLeft(of: account),
                isDemanded: standing.isDemanded
            )
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
        try await Self.disable(
            account,
            evenIfDemanded: false,
            store: store,
            actor: actor,
            remote: remote,
            now: now
        )
    }

    /// For an operator, who has neither password nor code.
    ///
    /// - Parameter evenIfDemanded: for who has lost it: enrols another one at the next sign-in.
    package static func disable(
        _ account: Account,
        evenIfDemanded: Bool = true,
        store: any SecondFactorStore,
        actor: String,
        remote: IPAddress? = nil,
        now: Timestamp
    ) async throws(AccountError) {
        do throws(StoreError) {
            try await store.removeSecondFactor(
                of: account.id,
                evenIfDemanded: evenIfDemanded,
                audit: event("second_factor.disable", account, actor: actor, remote, now)
            )
        } catch .refused(let why) {
            throw .fieldTaken("second_factor", why)
        } catch {
            throw .store(error)
        }
    }

    /// - Parameter actor: nil: the account's owner.
    static func event(
        _ action: String,
        _ account: Account,
        actor: String? = nil,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) -> AuditEvent {
        let address = account.primaryAddress.canonical
        return AuditEvent(at: now, actor: actor ?? address, action: action, subject: address, remote: remote)
    }
}
