package import MailModel

/// What flags are counted by: everybody of an organisation alike, or each account for itself.
package enum FlagUnit: String, CaseIterable, Sendable { case account, organisation }

/// For whom a feature is on, where that is not as the code says.
package struct FlagRule: Hashable, Sendable {
    /// The flag's name in code.
    package var flag: String
    /// nil: everybody for whose organisation there is no rule.
    package var organisation: OrganisationID?
    /// Of the units, 0 to 100.
    package var percentage: Int
    package var unit: FlagUnit
    package var changedAt: Timestamp
    package var changedBy: String
    package init(
        flag: String,
        organisation: OrganisationID?,
        percentage: Int,
        unit: FlagUnit,
        changedAt: Timestamp,
        changedBy: String
    ) {
        self.flag = flag
        self.organisation = organisation
        self.percentage = percentage
        self.unit = unit
        self.changedAt = changedAt
        self.changedBy = changedBy
    }
}

/// Rules of feature flags, the same for every process.
package protocol FlagStore: Sendable {
    /// All of them, by flag and organisation.
    func flagRules() async throws(StoreError) -> [FlagRule]
    /// Puts a rule in force, in place of the one for the same flag and organisation; `.notFound` without the organisation.
    func setFlag(_ rule: FlagRule, audit: AuditEvent) async throws(StoreError)
    /// Ends a rule; `.notFound` when there is none.
    func clearFlag(_ flag: String, of organisation: OrganisationID?, audit: AuditEvent) async throws(StoreError)
}
