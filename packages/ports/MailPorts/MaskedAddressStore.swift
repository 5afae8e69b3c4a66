package import MailModel

/// A random address that an account gives out instead of its own.
package struct MaskedAddress: Hashable, Sendable {
    package var address: EmailAddress
    package var account: AccountID
    package var label: String
    /// Where it was given out; empty when not said.
    package var site: String
    /// Mail to one that is not is refused.
    package var isEnabled: Bool
    package var createdAt: Timestamp
    /// When mail last came to it; within the hour.
    package var lastUsedAt: Timestamp?
    package init(
        address: EmailAddress,
        account: AccountID,
        label: String,
        site: String,
        isEnabled: Bool,
        createdAt: Timestamp,
        lastUsedAt: Timestamp? = nil
    ) {
        self.address = address
        self.account = account
        self.label = label
        self.site = site
        self.isEnabled = isEnabled
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
    }
}

package protocol MaskedAddressStore: Sendable {
    func maskedAddresses(_ listing: MaskedListing) async throws(StoreError) -> [MaskedAddress]
    func maskedAddress(_ address: EmailAddress, of account: AccountID) async throws(StoreError) -> MaskedAddress?
    /// `.alreadyExists` when the address is taken; `.refused` when the account has `limit` already, or the domain is not its
    /// organisation's.
    func addMaskedAddress(_ masked: MaskedAddress, atMost limit: Int, audit: AuditEvent) async throws(StoreError)
    /// Label, site and whether it is enabled.
    func changeMaskedAddress(_ masked: MaskedAddress, audit: AuditEvent) async throws(StoreError)
    func removeMaskedAddress(
        _ address: EmailAddress,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError)
}

/// Every address that is no account's own.
package typealias AddressBook = AddressStore & ListStore & MaskedAddressStore
