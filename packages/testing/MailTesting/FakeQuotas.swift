package import MailModel
package import MailPorts

/// Quotas of a fake directory's accounts and domains: limits of accounts' octets, and sums; nothing is ever told.
package struct FakeQuotas: QuotaStore {
    private let directory: FakeDirectory
    package init(_ directory: FakeDirectory) { self.directory = directory }

    package func quota(of subject: QuotaSubject) async throws(StoreError) -> QuotaStanding {
        try directory.change { state throws(StoreError) in
            let accounts: [Account]
            let (organisation, name): (OrganisationID, String)
            switch subject {
            case .account(let id):
                accounts = state.accounts.filter { $0.id == id }
                guard let one = accounts.first else { throw .notFound }
                (organisation, name) = (one.organisation, one.primaryAddress.description)
            case .domain(let domain):
                guard let known = state.domains.first(where: { $0.name == domain }) else { throw .notFound }
                accounts = state.accounts.filter { $0.primaryAddress.domain == domain }
                (organisation, name) = (known.organisation, domain)
            case .organisation(let id):
                guard let known = state.organisations.first(where: { $0.id == id }) else { throw .notFound }
                accounts = state.accounts.filter { $0.organisation == id }
                (organisation, name) = (id, known.name)
            }
            var limits = state.limits[subject] ?? .none
            if case .account = subject { limits.hardBytes = accounts.first?.quotaBytes }
            return QuotaStanding(
                subject: subject,
                organisation: organisation,
                name: name,
                limits: limits,
                usedBytes: accounts.reduce(0) { $0 + $1.usedBytes },
                usedMessages: accounts.reduce(0) { $0 + $1.usedMessages },
                accounts: accounts.count,
                told: []
            )
        }
    }

    package func setLimits(
        _ limits: QuotaLimits,
        of subject: QuotaSubject,
        audit: AuditEvent
    ) async throws(StoreError) -> QuotaStanding {
        _ = try await quota(of: subject)
        try directory.change { state in
            state.limits[subject] = limits
            if case .account(let id) = subject, let place = state.accounts.firstIndex(where: { $0.id == id }) {
                state.accounts[place].quotaBytes = limits.hardBytes
            }
            state.audit.append(audit)
        }
        return try await quota(of: subject)
    }

    package func quotaNews(limit: Int) async throws(StoreError) -> [QuotaStanding] { [] }

    package func tell(
        _ news: QuotaStanding,
        by mail: DeliveryPlan?,
        audit: AuditEvent
    ) async throws(StoreError) -> Bool { false }

    package func auditQuota(after: AccountID?, limit: Int) async throws(StoreError) -> QuotaAudit { QuotaAudit() }

    package func repairQuota(of account: AccountID?, audit: AuditEvent) async throws(StoreError) -> QuotaAudit {
        QuotaAudit()
    }
}
