package import MailModel
package import MailPorts

/// What a person's provider says in place of a password, once more.
extension ProviderSignIn {
    package enum Confirmation: Sendable {
        case confirmed
        /// The code or its verifier is not good, or somebody else signed in.
        case refused
        /// Longer ago than it may be, or the provider does not tell when.
        case notAnew
    }

    /// Whether the account's person has signed in by the provider just now; spends the code.
    ///
    /// OpenID Connect Core §3.1.2.1: a provider that is asked with `max_age` tells when the person was last asked (`auth_time`). What
    /// is not told is not believed, as a provider that remembers the person asks nobody.
    package func confirm(
        _ account: Account,
        byCode code: String,
        verifier: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(SignInStepFault) -> Confirmation {
        let proof: ProviderProof
        do throws(SignInStepFault) {
            proof = try await self.proof(ofCode: code, verifier: verifier, now: now)
        } catch .expired {
            return .refused
        }
        guard proof.account.id == account.id else { return .refused }
        let wish = SignInWish(maxAge: limits.confirmationSeconds)
        guard proof.isTold, proof.fulfils(wish, begun: now, leeway: limits.leewaySeconds, now: now) else {
            return .notAnew
        }
        let person = account.primaryAddress.canonical
        await directory.noteAudit(
            AuditEvent(at: now, actor: person, action: "sso.confirm", subject: person, remote: remote)
        )
        return .confirmed
    }
}
