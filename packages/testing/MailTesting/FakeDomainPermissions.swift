package import MailModel
package import MailPorts

/// Nobody has permissions on domains.
package struct FakeDomainPermissions: DomainPermissionStore {
    package init() {}
    package func domainGrants(_ listing: DomainGrantListing) async throws(StoreError) -> [DomainGrant] { [] }
    package func domainGrants(heldBy account: AccountID) async throws(StoreError) -> [DomainGrant] { [] }
    package func domainGrant(of account: AccountID, on domain: String) async throws(StoreError) -> DomainGrant? { nil }
    package func domainPermissions(
        of account: AccountID,
        on domain: String
    ) async throws(StoreError) -> DomainPermissions { [] }
    package func sendingDomains(of account: AccountID) async throws(StoreError) -> [String] { [] }
    package func managesUser(_ account: AccountID, by manager: AccountID) async throws(StoreError) -> Bool { false }
    package func setDomainPermissions(
        _ permissions: DomainPermissions,
        of account: AccountID,
        on domain: String,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainGrant? { throw .refused("no fake") }
}
