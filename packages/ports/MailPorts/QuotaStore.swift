package import MailModel

/// Whose mail a quota counts.
package enum QuotaSubject: Hashable, Sendable {
    case organisation(OrganisationID)
    /// By name, lower case.
    case domain(String)
    case account(AccountID)

    package var level: QuotaLevel {
        switch self {
        case .organisation: .organisation
        case .domain: .domain
        case .account: .account
        }
    }
}

/// Limits and use of one level at one moment.
package struct QuotaStanding: Hashable, Sendable {
    package var subject: QuotaSubject
    package var organisation: OrganisationID
    /// The organisation's name, the domain's, or the account's address.
    package var name: String
    package var limits: QuotaLimits
    package var usedBytes: Int64
    package var usedMessages: Int64
    /// Accounts whose mail is counted.
    package var accounts: Int
    /// What has been told and not been taken back by falling use.
    package var told: QuotaSteps
    package init(
        subject: QuotaSubject,
        organisation: OrganisationID,
        name: String,
        limits: QuotaLimits,
        usedBytes: Int64,
        usedMessages: Int64,
        accounts: Int,
        told: QuotaSteps
    ) {
        self.subject = subject
        self.organisation = organisation
        self.name = name
        self.limits = limits
        self.usedBytes = usedBytes
        self.usedMessages = usedMessages
        self.accounts = accounts
        self.told = told
    }

    /// As the audit names it: an organisation by its number, as its name may be anything.
    package var auditName: String {
        guard case .organisation(let id) = subject else { return EmailAddress.lowercased(name) }
        return "organisation \(id)"
    }

    /// What is to be told now.
    package var untold: QuotaSteps {
        limits.reached(bytes: usedBytes, messages: usedMessages).subtracting(told)
    }
}

/// What counting again found.
package struct QuotaAudit: Hashable, Sendable {
    /// Accounts looked at.
    package var accounts = 0
    /// Octets by which counters differ from what they count, without sign, added up.
    package var driftBytes: Int64 = 0
    package var driftMessages: Int64 = 0
    /// One line for each counter that differs.
    package var findings: [String] = []
    /// The last account looked at; nil at the end.
    package var last: AccountID?
    package init() {}
}

/// The quota tree: organisation, domain, account.
///
/// The use of a level is the sum over its accounts' counters, which change in the transactions that change the mail; room under
/// the limits of domains and organisations is granted to accounts ahead of need, so that deliveries of one tenant do not
/// wait for each other.
package protocol QuotaStore: Sendable {
    /// `.notFound` when the subject is not there.
    func quota(of subject: QuotaSubject) async throws(StoreError) -> QuotaStanding
    /// Sets every limit of the level, in force for the next message.
    ///
    /// Use above a new limit stays and nothing more is taken. `.notFound`, or `.refused` for limits that cannot be.
    func setLimits(
        _ limits: QuotaLimits,
        of subject: QuotaSubject,
        audit: AuditEvent
    ) async throws(StoreError) -> QuotaStanding

    /// Accounts, domains and organisations that have something to be told, those with the lowest numbers first.
    ///
    /// What use has fallen below is taken back on the way.
    func quotaNews(limit: Int) async throws(StoreError) -> [QuotaStanding]
    /// Notes that the untold steps of the standing have been told, and delivers the mail that tells them, in one transaction.
    ///
    /// - Returns: false when somebody else has told meanwhile; then nothing is done.
    /// - Throws: `.overQuota` when the mail does not fit where it goes.
    func tell(
        _ news: QuotaStanding,
        by mail: DeliveryPlan?,
        audit: AuditEvent
    ) async throws(StoreError) -> Bool

    /// Compares the counters of accounts after `after` with their mail, and at the end what domains and organisations granted.
    func auditQuota(after: AccountID?, limit: Int) async throws(StoreError) -> QuotaAudit
    /// Counts anew: one account, or everything.
    ///
    /// Works beside a running server: an account's mail waits while it is counted.
    func repairQuota(of account: AccountID?, audit: AuditEvent) async throws(StoreError) -> QuotaAudit
}
