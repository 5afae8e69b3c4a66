package import MailModel

/// A grant within the platform; never reused.
package struct SendingGrantID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// What a grant allows; the words are those of the interfaces.
package enum SendingGrantKind: String, CaseIterable, Sendable {
    /// In the envelope and as From, as if the address were one's own.
    case sendAs = "send-as"
    /// As From, with oneself as Sender (RFC 5322 §3.6.2) and in the envelope.
    case sendOnBehalf = "send-on-behalf"
}

/// That one account may send with an address of another of the same organisation.
package struct SendingGrant: Hashable, Sendable {
    package var id: SendingGrantID
    package var kind: SendingGrantKind
    package var address: EmailAddress
    /// Whose address it is.
    package var owner: AccountID
    package var grantee: AccountID
    package var granteeAddress: EmailAddress
    package var organisation: OrganisationID
    package var createdAt: Timestamp
    /// `cli` or an account's address.
    package var createdBy: String
    package init(
        id: SendingGrantID,
        kind: SendingGrantKind,
        address: EmailAddress,
        owner: AccountID,
        grantee: AccountID,
        granteeAddress: EmailAddress,
        organisation: OrganisationID,
        createdAt: Timestamp,
        createdBy: String
    ) {
        self.id = id
        self.kind = kind
        self.address = address
        self.owner = owner
        self.grantee = grantee
        self.granteeAddress = granteeAddress
        self.organisation = organisation
        self.createdAt = createdAt
        self.createdBy = createdBy
    }
}

/// Whose grants are meant.
package enum SendingGrantSubject: Hashable, Sendable {
    case givenBy(AccountID)
    case heldBy(AccountID)
    /// nil: of all organisations.
    case within(OrganisationID?)
}

/// Who may send with whose address.
package protocol SendingGrantStore: Sendable {
    /// Keeps a grant.
    ///
    /// - Throws: `.notFound` unless both accounts are there, of one organisation, and `owner` has the address;
    ///   `.refused` for a grant to oneself and beyond `limit` grants of an owner; `.alreadyExists` for the same once more.
    func addSendingGrant(
        _ kind: SendingGrantKind,
        of address: EmailAddress,
        owner: AccountID,
        to grantee: AccountID,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> SendingGrant
    func sendingGrants(_ listing: GrantListing) async throws(StoreError) -> [SendingGrant]
    /// `.notFound` when it is none of the subject's.
    func removeSendingGrant(
        _ id: SendingGrantID,
        _ subject: SendingGrantSubject,
        audit: AuditEvent
    ) async throws(StoreError)
    /// What the account may send with now, beside its own: of owners that are active and have the address still, at domains that
    /// may send.
    func grantedAddresses(
        of grantee: AccountID
    ) async throws(StoreError) -> [(kind: SendingGrantKind, address: EmailAddress)]
}
