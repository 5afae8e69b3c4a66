package import MailModel
package import MailPorts

extension FakeDirectory: DomainStore {
    package func addClaim(
        _ name: String,
        organisation: OrganisationID,
        token: String,
        expiresAt: Timestamp,
        limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainClaim {
        try change { state throws(StoreError) in
            guard
                !state.claims.contains(where: { $0.name == name && $0.organisation == organisation }),
                !state.domains.contains(where: { $0.name == name && $0.organisation == organisation })
            else { throw .alreadyExists }
            guard state.claims.count(where: { $0.organisation == organisation }) < limit else {
                throw .refused("at most \(limit)")
            }
            let claim = DomainClaim(
                id: DomainID(Int64(1_000 + state.claims.count)),
                organisation: organisation,
                name: name,
                token: token,
                createdAt: now,
                expiresAt: expiresAt
            )
            state.claims.append(claim)
            state.audit.append(audit)
            return claim
        }
    }

    private func update(
        _ claim: DomainClaim,
        _ audit: AuditEvent,
        _ body: (inout State, Int) throws(StoreError) -> Void
    ) throws(StoreError) {
        try change { state throws(StoreError) in
            let place = state.claims.firstIndex { $0.name == claim.name && $0.organisation == claim.organisation }
            guard let place else { throw .notFound }
            try body(&state, place)
            state.audit.append(audit)
        }
    }

    package func renewClaim(
        _ claim: DomainClaim,
        token: String,
        expiresAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainClaim {
        var renewed = claim
        (renewed.token, renewed.expiresAt) = (token, expiresAt)
        let made = renewed
        try update(claim, audit) { state, place in state.claims[place] = made }
        return made
    }

    package func removeClaim(_ claim: DomainClaim, audit: AuditEvent) async throws(StoreError) {
        try update(claim, audit) { state, place in state.claims.remove(at: place) }
    }

    package func claims(named name: String) async throws(StoreError) -> [DomainClaim] {
        try change { $0.claims.filter { $0.name == name } }
    }

    package func proveClaim(
        _ claim: DomainClaim,
        by proof: DomainProof,
        keys: [DKIMKey],
        audit: AuditEvent
    ) async throws(StoreError) -> HostedDomain {
        let domain = HostedDomain(
            id: claim.id,
            organisation: claim.organisation,
            name: claim.name,
            status: .active,
            createdAt: now
        )
        try update(claim, audit) { state, place throws(StoreError) in
            guard state.claims[place].token == claim.token else { throw .notFound }
            guard !state.domains.contains(where: { $0.name == claim.name }) else { throw .alreadyExists }
            state.claims.remove(at: place)
            state.domains.append(domain)
            state.keys[claim.name] = keys
        }
        return domain
    }

    package func entries(
        of organisation: OrganisationID?,
        after: DomainPosition?,
        limit: Int
    ) async throws(StoreError) -> [DomainEntry] {
        try change { state in
            let all = state.domains.map { DomainEntry.hosted($0) } + state.claims.map { .claimed($0) }
            let found = all.filter { entry in
                guard organisation == nil || entry.organisation == organisation else { return false }
                guard let after else { return true }
                return (entry.name, entry.organisation.rawValue) > (after.name, after.organisation?.rawValue ?? .max)
            }
            let sorted = found.sorted {
                ($0.name, $0.organisation.rawValue) < ($1.name, $1.organisation.rawValue)
            }
            return Array(sorted.prefix(limit))
        }
    }

    package func take(
        _ step: DomainStep,
        on name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> HostedDomain {
        try change { state throws(StoreError) in
            guard let place = state.domains.firstIndex(where: { $0.name == name }) else { throw .notFound }
            var domain = state.domains[place]
            switch (step, domain.status) {
            case (.suspend(let reason), .active): (domain.status, domain.reason) = (.suspended, reason)
            case (.resume, .suspended): (domain.status, domain.reason) = (.active, nil)
            case (.delete(let moment), .active), (.delete(let moment), .suspended):
                (domain.status, domain.purgeAt) = (.deleted, moment)
            case (.restore, .deleted): (domain.status, domain.purgeAt) = (.active, nil)
            case (.suspend, _), (.resume, _), (.delete, _), (.restore, _):
                throw .refused("the domain is \(domain.status.rawValue)")
            }
            state.domains[place] = domain
            state.audit.append(audit)
            return domain
        }
    }

    package func domainsToPurge(now: Timestamp, limit: Int) async throws(StoreError) -> [String] {
        try change { state in
            state.domains.filter { $0.status == .deleted && $0.purgeAt.map { $0 <= now } == true }.map(\.name)
        }
    }

    package func purgeStep(_ name: String, now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Bool {
        try change { state in
            if let account = state.accounts.firstIndex(where: { $0.primaryAddress.domain == name }) {
                state.accounts.remove(at: account)
                return true
            }
            state.domains.removeAll { $0.name == name }
            state.audit.append(audit)
            return false
        }
    }

    package func removeClaims(expiredBefore moment: Timestamp, audit: AuditEvent) async throws(StoreError) -> Int {
        try change { state in
            let gone = state.claims.filter { $0.expiresAt < moment }
            state.claims.removeAll { $0.expiresAt < moment }
            state.audit += gone.map { claim in
                var event = audit
                event.subject = claim.name
                return event
            }
            return gone.count
        }
    }

    package func takeUpkeep(
        _ task: String,
        holder: String,
        until: Timestamp,
        now: Timestamp
    ) async throws(StoreError) -> Bool {
        try change { state in
            if let lease = state.leases[task], lease.holder != holder, lease.until > now { return false }
            state.leases[task] = (holder, until)
            return true
        }
    }

    package func domainsToCheck(now: Timestamp, limit: Int) async throws(StoreError) -> [String] {
        try change { state in
            let due = state.domains.filter { domain in
                domain.status == .active && state.nextChecks[domain.name].map { $0 <= now } ?? true
            }
            return Array(due.map(\.name).sorted().prefix(limit))
        }
    }

    package func noteCheck(
        _ check: DomainCheckRecord,
        isCertain: Bool,
        next: Timestamp,
        keeping limit: Int,
        telling event: WebhookEvent?
    ) async throws(StoreError) -> DomainCheckRecord? {
        try change { state in
            state.nextChecks[check.name] = next
            guard isCertain else { return nil }
            let last = state.checks.last { $0.name == check.name }
            guard last?.fingerprint != check.fingerprint else { return nil }
            state.checks.append(check)
            if let last, let event, let domain = state.domains.first(where: { $0.name == check.name }) {
                state.told.append(event.body(domain.organisation, last))
            }
            return last
        }
    }

    package func checks(of name: String, limit: Int) async throws(StoreError) -> [DomainCheckRecord] {
        try change { state in Array(state.checks.reversed().filter { $0.name == name }.prefix(limit)) }
    }

    package func checkedDomains() async throws(StoreError) -> [(status: String, count: Int)] { [] }
}
