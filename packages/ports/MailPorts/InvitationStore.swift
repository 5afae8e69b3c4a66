package import MailModel

/// An invitation within the platform; never reused.
package struct InvitationID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// An account that waits for the person who chooses how to sign in to it.
package struct Invitation: Hashable, Sendable {
    package var id: InvitationID
    package var organisation: OrganisationID
    /// The account's address, in a domain of the organisation.
    package var address: EmailAddress
    /// Where the invitation went; nil when the inviter hands it over.
    package var contact: EmailAddress?
    package var displayName: String
    package var role: Role
    package var invitedBy: String
    package var createdAt: Timestamp
    package var expiresAt: Timestamp
    package init(
        id: InvitationID,
        organisation: OrganisationID,
        address: EmailAddress,
        contact: EmailAddress?,
        displayName: String,
        role: Role,
        invitedBy: String,
        createdAt: Timestamp,
        expiresAt: Timestamp
    ) {
        self.id = id
        self.organisation = organisation
        self.address = address
        self.contact = contact
        self.displayName = displayName
        self.role = role
        self.invitedBy = invitedBy
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// What the person who accepts an invitation signs in by.
package enum ChosenCredential: Sendable {
    /// Its Argon2id string.
    case password(String)
    /// The account has no password then.
    case passkey(NewPasskey)
}

/// Invitations, of whose tokens only hashes are kept.
package protocol InvitationStore: Sendable {
    /// Keeps an invitation (its `id` is chosen here); expired ones of the organisation go.
    ///
    /// `.alreadyExists` when the address is in use or invited, `.refused` when its domain is not an active one of the organisation,
    /// or it has `limit` open ones.
    func addInvitation(
        _ new: Invitation,
        tokenHash: [UInt8],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> Invitation
    /// Open ones.
    func invitations(_ listing: InvitationListing, now: Timestamp) async throws(StoreError) -> [Invitation]
    /// nil when it is unknown, accepted, revoked or expired, or its organisation is suspended.
    func invitation(byToken hash: [UInt8], now: Timestamp) async throws(StoreError) -> Invitation?
    /// The same, with the number that its account has, or will have: chosen the first time that it is asked for.
    func invitedAccount(
        byToken hash: [UInt8],
        now: Timestamp
    ) async throws(StoreError) -> (invitation: Invitation, account: AccountID)?
    /// Another token until another time in place of the present one, which is good no more; one that has expired is open again.
    ///
    /// - Parameter contact: where it goes now.
    /// - Throws: `.notFound` when the organisation has no such one of a role up to the limit, `.alreadyExists` when its address has
    ///   become another's, `.refused` when its domain is no active one of the organisation any more, or the contact is its own address.
    func renewInvitation(
        _ id: InvitationID,
        of organisation: OrganisationID,
        upTo limit: Role,
        contact: Edit<EmailAddress>,
        tokenHash: [UInt8],
        expiresAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Invitation
    /// `.notFound` when the organisation has no such one.
    func removeInvitation(
        _ id: InvitationID,
        of organisation: OrganisationID,
        audit: AuditEvent
    ) async throws(StoreError)
    /// Spends the token and makes the account in one transaction; a contact becomes its recovery address, as it was proved.
    ///
    /// An account that was imported is there already, and gets its first password or its first passkey.
    ///
    /// `.notFound` when the token is not good by now, or the passkey was made for another account.
    func acceptInvitation(
        byToken hash: [UInt8],
        choosing credential: ChosenCredential,
        quotaBytes: Int64?,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Account
}
