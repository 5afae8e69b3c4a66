package import MailModel

/// A domain's policy as it is kept: each change makes another version.
package struct PolicyRecord: Hashable, Sendable {
    /// From 1, by one with each change; 0 before the first.
    package var version: Int64
    package var policy: DomainPolicy
    package var changedAt: Timestamp?
    package init(version: Int64, policy: DomainPolicy, changedAt: Timestamp?) {
        self.version = version
        self.policy = policy
        self.changedAt = changedAt
    }
}

/// Policies of domains.
package protocol PolicyStore: Sendable {
    /// The policy in force; nil where the domain has none, or is not hosted.
    ///
    /// Answers from memory when the domain's version was just read with something else (an address resolved, an account's
    /// addresses), so that mail costs no further query; a policy changed by another process is seen within a second
    /// at the latest, and at once behind such a read.
    func policy(ofDomain name: String) async throws(StoreError) -> DomainPolicy?
    /// As it is kept, without memory. `.notFound` when the domain is not hosted.
    func policyRecord(ofDomain name: String) async throws(StoreError) -> PolicyRecord
    /// Puts a policy in force.
    ///
    /// - Parameter expected: the version that it replaces; nil: whichever is in force.
    /// - Throws: `.notFound` when the domain is not hosted, `.alreadyExists` when another version is in force than expected.
    func setPolicy(
        _ policy: DomainPolicy,
        ofDomain name: String,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> PolicyRecord
    /// Verified domains that expunge by age, by name.
    func domainsWithRetention() async throws(StoreError) -> [(name: String, retention: DomainPolicy.Retention)]
    /// Expunges mail that has been in folders of that use of a domain's accounts since before then.
    ///
    /// - Parameters:
    ///   - first: the account to begin with, by number.
    ///   - limit: messages of one account in one transaction.
    ///   - audit: gets the account's address as its subject, and in its detail the domain, the folder's use and how many went.
    /// - Returns: how many went, of the first account that has any; nil when none has.
    func expire(
        _ use: SpecialUse,
        ofDomain name: String,
        before: Timestamp,
        from first: AccountID,
        limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> (account: AccountID, count: Int)?
}
