import MailCrypto
package import MailModel
package import MailPorts

/// A token by which an administrator acts as somebody else, and its session.
package struct ActingToken: Sendable {
    package var text: String
    package var session: ActingSession
}

/// Acting as somebody else (RFC 8693 §1.1: delegation): a token of the account that names who acts.
///
/// Invariants: there is no refresh token; what the policy allowed when the session began is asked at each use, of both accounts
/// as they are then; the session ends with the one in which its actor began it.
extension TokenService {
    /// The actor, if they may act as the account now.
    func actor(_ id: AccountID, as account: Account) async throws(StoreError) -> Account? {
        guard let actor = try await directory.account(id), limits.acting.allows(actor, as: account) else { return nil }
        return actor
    }

    /// Begins a session in which the actor acts as the account; the caller has asked whether they may.
    func issue(
        as account: Account,
        actor: SignedIn,
        reason: String,
        from origin: SessionOrigin,
        now: Timestamp
    ) async throws(StoreError) -> ActingToken {
        await keys.refresh()
        let expires = now.adding(seconds: TokenLimits.actingSeconds)
        let address = actor.account.primaryAddress.canonical
        let session = ActingSession(
            account: account.id,
            family: Base64URL.encode(SecureRandom.bytes(12)),
            actor: SessionActor(
                account: actor.account.id,
                address: address,
                reason: reason,
                family: actor.family,
                until: expires
            ),
            createdAt: now,
            origin: origin
        )
        try await sessions.add(
            session,
            audit: AuditEvent(
                at: now,
                actor: address,
                action: "account.act",
                subject: account.primaryAddress.canonical,
                remote: origin.remote,
                detail: AuditDetail().adding("reason", reason).adding("session", session.family)
                    .adding("seconds", TokenLimits.actingSeconds).text
            )
        )
        let claims = AccessClaims(
            issuer: limits.issuer,
            account: account.id,
            audience: limits.audience,
            issuedAt: now,
            expiresAt: expires,
            tokenID: Base64URL.encode(SecureRandom.bytes(12)),
            family: session.family,
            role: account.role,
            organisation: account.organisation,
            actor: AccessClaims.Actor(actor.account.id, email: address)
        )
        return ActingToken(text: sign(claims, now), session: session)
    }

    /// Writes that a request was answered in a session in which somebody acts as the account.
    ///
    /// - Parameter route: the pattern, without what was asked for.
    package func note(
        _ method: String,
        _ route: String,
        status: Int,
        in session: SignedIn,
        by actor: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) {
        try await sessions.noteActing(
            in: session.family,
            audit: AuditEvent(
                at: now,
                actor: actor.primaryAddress.canonical,
                action: "account.act_request",
                subject: session.account.primaryAddress.canonical,
                remote: remote,
                detail: AuditDetail().adding("method", method).adding("route", route).adding("status", Int64(status))
                    .adding("session", session.family).text
            )
        )
    }

    /// Ends what an actor has open as the account; how many.
    func endActing(
        as account: Account,
        by actor: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> Int {
        try await sessions.endSessions(
            of: account.id,
            actedBy: actor.id,
            audit: AuditEvent(
                at: now,
                actor: actor.primaryAddress.canonical,
                action: "account.act_end",
                subject: account.primaryAddress.canonical,
                remote: remote
            )
        )
    }
}
