package import MailModel

/// One of an account's own addresses.
package struct AccountAddress: Hashable, Sendable {
    package var address: EmailAddress
    /// What the account is called by: in the directory, the audit and mail of the platform.
    package var isPrimary: Bool
    package init(_ address: EmailAddress, isPrimary: Bool) { (self.address, self.isPrimary) = (address, isPrimary) }
}

/// Several addresses of one account: by each of them it takes mail, signs in and sends.
package protocol AccountAddressStore: Sendable {
    /// The primary first, the others by address.
    func accountAddresses(of account: AccountID) async throws(StoreError) -> [AccountAddress]
    /// `.alreadyExists` when it is in use or invited, `.refused` when its domain is not a verified one of the organisation, or the
    /// account has `limit` by now.
    func addAccountAddress(
        _ address: EmailAddress,
        to account: AccountID,
        atMost limit: Int,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError)
    /// The account is counted under the limits of the new one's domain from now on: `.levelFull` when they have no room for it.
    ///
    /// `.notFound` unless it is the account's, `.refused` when it is the primary already or its domain is not verified.
    func makePrimary(
        _ address: EmailAddress,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError)
    /// With grants to send with it. `.refused` for the primary one and for the target of a catch-all.
    func removeAccountAddress(
        _ address: EmailAddress,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError)
}
