package import MailModel
package import MailPorts

/// Sessions in which somebody acts as an account.
extension FakeDirectory {
    package func add(_ session: ActingSession, audit: AuditEvent) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard !state.refusesAudit else { throw .unavailable(reportID: "audit") }
            let earlier = state.acting.values.filter {
                $0.account == session.account && $0.actor.account == session.actor.account
            }
            state.revoked.formUnion(earlier.map(\.family))
            state.acting[session.family] = session
            state.audit.append(audit.attributed)
        }
    }

    package func endSessions(
        of account: AccountID,
        actedBy actor: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        try change { state in
            let open = state.acting.values.filter { $0.account == account && $0.actor.account == actor }
            let ended = Set(open.map(\.family)).subtracting(state.revoked)
            state.revoked.formUnion(ended)
            if !ended.isEmpty { state.audit.append(audit.attributed) }
            return ended.count
        }
    }

    package func noteActing(in family: String, audit: AuditEvent) async throws(StoreError) {
        try change { state throws(StoreError) in
            guard !state.refusesAudit else { throw .unavailable(reportID: "audit") }
            state.acting[family]?.actor.requests += 1
            state.audit.append(audit.attributed)
        }
    }
}

extension FakeDirectory.State {
    /// A line of an account, which one without a subject is named after.
    mutating func note(_ event: AuditEvent, about account: AccountID) {
        var event = event
        if event.subject.utf8.isEmpty {
            event.subject = accounts.first { $0.id == account }?.primaryAddress.canonical ?? "account \(account)"
        }
        if event.actor.utf8.isEmpty { event.actor = event.subject }
        audit.append(event.attributed)
    }

    /// Every session that the account ever had.
    func families(of account: AccountID) -> Set<String> {
        Set(tokens.values.filter { $0.token.account == account }.map(\.token.family))
            .union(acting.values.filter { $0.account == account }.map(\.family))
    }

    /// Whether nobody acts in the session, or the one who does is still signed in where they began.
    func actorIsSignedIn(_ family: String) -> Bool {
        acting[family].map { !revoked.contains($0.actor.family) } ?? true
    }

    func actingSessions(of account: AccountID, now: Timestamp) -> [SignInSession] {
        acting.values.filter {
            $0.account == account && $0.actor.until > now && !revoked.contains($0.family)
                && actorIsSignedIn($0.family)
        }.map {
            SignInSession(
                family: $0.family,
                device: $0.origin.device,
                createdAt: $0.createdAt,
                lastUse: LastUse(at: $0.createdAt, remote: $0.origin.remote),
                actor: $0.actor
            )
        }.sorted { $0.family < $1.family }
    }
}
