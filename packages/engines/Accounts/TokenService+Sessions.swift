package import MailModel
package import MailPorts

/// Whom an access token speaks for.
package struct SignedIn: Sendable {
    package var account: Account
    /// Its session.
    package var family: String
    /// Its account must enrol a second factor before it does anything else.
    package var isLimited = false
    /// Who acts as the account; nil: nobody.
    package var actor: Account?
}

extension TokenService {
    package func sessions(of account: AccountID, now: Timestamp) async throws(StoreError) -> [SignInSession] {
        let open = try await sessions.sessions(of: account, now: now)
        guard open.contains(where: { $0.actor != nil }), let owner = try await directory.account(account) else {
            return open
        }
        var shown: [SignInSession] = []
        for session in open {
            // What its actor cannot use any more is over, though its time is not.
            if let party = session.actor, try await actor(party.account, as: owner) == nil { continue }
            shown.append(session)
        }
        return shown
    }

    /// `.notFound` unless the account has it open.
    package func revokeSession(
        _ family: String,
        of account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) {
        let event = Self.event("session.revoke", of: family, remote: remote, now)
        try await sessions.revokeSession(family, of: account.id, audit: event)
    }

    /// Ends all sessions but one; how many there were.
    package func revokeSessions(
        of account: Account,
        except family: String,
        actor: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> Int {
        let event = Self.event("session.revoke_others", of: nil, by: actor, remote: remote, now)
        return try await sessions.revokeSessions(of: account.id, except: family, audit: event)
    }
}
