package import MailModel

/// Who may write to a list.
package enum PostingRule: String, Sendable, CaseIterable {
    case anyone
    /// Accounts of the list's organisation, signed in.
    case organisation
    /// Its members, those of the lists within it not counted.
    case members
    /// Addresses that it names.
    case named
}

/// One address whose mail goes to many, each by a copy of the list's own.
package struct DistributionList: Hashable, Sendable {
    package var address: EmailAddress
    package var organisation: OrganisationID
    /// For its List-Id and for readers.
    package var name: String
    package var posting: PostingRule
    /// Octets of a message to it; nil for no limit of its own.
    package var maximumSize: Int?
    package var createdAt: Timestamp
    package init(
        address: EmailAddress,
        organisation: OrganisationID,
        name: String,
        posting: PostingRule,
        maximumSize: Int?,
        createdAt: Timestamp
    ) {
        self.address = address
        self.organisation = organisation
        self.name = name
        self.posting = posting
        self.maximumSize = maximumSize
        self.createdAt = createdAt
    }

    /// Where failures of its copies are reported; its owners get them.
    package var bounceAddress: EmailAddress { suffixed("-bounces") }
    /// Reaches its owners.
    package var ownerAddress: EmailAddress { suffixed("-owner") }
    /// RFC 2919 §2: what names the list for ever.
    package var identifier: String { "\(EmailAddress.lowercased(address.localPart)).\(address.domain)" }

    private func suffixed(_ suffix: String) -> EmailAddress {
        EmailAddress(uncheckedLocalPart: address.localPart + suffix, domain: address.domain)
    }
}

/// What a member's address is to a list's mail.
package enum ListTarget: Hashable, Sendable {
    /// An active account under this very address.
    case account(AccountID, EmailAddress, usedBytes: Int64, quotaBytes: Int64?, script: Int64? = nil)
    /// Not of our domains.
    case outside(EmailAddress)
    /// To be resolved: an alias, a list, an address with a detail, or nobody's.
    case other(EmailAddress)
}

/// Distribution lists, their members, owners and senders.
package protocol ListStore: Sendable {
    func lists(_ listing: DistributionListing) async throws(StoreError) -> [DistributionList]
    func list(_ address: EmailAddress) async throws(StoreError) -> DistributionList?
    /// With its bounce and owner addresses; `.alreadyExists` when one of the three is taken.
    func addList(_ list: DistributionList, owners: [AccountID], audit: AuditEvent) async throws(StoreError)
    /// Name, posting rule and size.
    func changeList(_ list: DistributionList, audit: AuditEvent) async throws(StoreError)
    func removeList(_ address: EmailAddress, audit: AuditEvent) async throws(StoreError)

    func members(_ listing: MemberListing) async throws(StoreError) -> [ListMember]
    func isMember(anyOf addresses: [EmailAddress], of list: EmailAddress) async throws(StoreError) -> Bool
    /// Those that are members already stay so.
    ///
    /// - Returns: how many are new.
    /// - Throws: `.refused` when there would be more than `limit`, or a member leads back to the list.
    func addMembers(
        _ members: [EmailAddress],
        to list: EmailAddress,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> Int
    /// `.notFound` when it is no member.
    func removeMember(_ member: EmailAddress, of list: EmailAddress, audit: AuditEvent) async throws(StoreError)

    /// Primary addresses.
    func owners(of list: EmailAddress) async throws(StoreError) -> [Account]
    func setOwners(_ owners: [AccountID], of list: EmailAddress, audit: AuditEvent) async throws(StoreError)
    /// Lists that the account owns, by address.
    func lists(ownedBy account: AccountID) async throws(StoreError) -> [DistributionList]
    /// Addresses that may write to it under the rule `named`.
    func senders(of list: EmailAddress) async throws(StoreError) -> [EmailAddress]
    func setSenders(_ senders: [EmailAddress], of list: EmailAddress, audit: AuditEvent) async throws(StoreError)

    /// Every member for a message on its way; at most `limit`, in the order of their addresses.
    func targets(of list: EmailAddress, limit: Int) async throws(StoreError) -> [ListTarget]
}
