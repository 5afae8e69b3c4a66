package import MailModel

/// An organisation with its state.
package struct OrganisationRecord: Hashable, Sendable {
    package enum Status: String, CaseIterable, Sendable {
        case active
        /// Its people sign in nowhere, its addresses take no mail; all stays as it is.
        case suspended
    }
    package var id: OrganisationID
    package var name: String
    package var status: Status
    /// Why it is suspended.
    package var reason: String?
    package var createdAt: Timestamp
    package init(id: OrganisationID, name: String, status: Status, reason: String?, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.status = status
        self.reason = reason
        self.createdAt = createdAt
    }
}

/// An account with what those read who manage it.
package struct Person: Hashable, Sendable {
    package var account: Account
    /// Why it is suspended.
    package var reason: String?
    /// When a deleted one is removed for good.
    package var purgeAt: Timestamp?
    package var language: LanguageTag?
    /// A name of the system's zone data.
    package var timeZone: String?
    /// Another with each picture; nil without one.
    package var avatarVersion: Int64?
    package init(account: Account, reason: String?, purgeAt: Timestamp?) {
        self.account = account
        self.reason = reason
        self.purgeAt = purgeAt
    }
}

package struct OrganisationListing: Listing {
    package enum Sort: String, ListSort {
        case name
        case createdAt = "created_at"
    }
    /// nil: every organisation.
    package var organisation: OrganisationID?
    package var status: OrganisationRecord.Status?
    /// A part of the name, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.name
    package var isDescending = false
    /// By name a text, by time microseconds; ties by organisation.
    package var after: ListPosition?
    package var limit: Int
    package init(limit: Int) { self.limit = limit }
}

/// What a list of an organisation's accounts is asked for.
package struct PeopleListing: Listing {
    package var organisation: OrganisationID
    package var role: Role?
    package var status: Account.Status?
    /// Of the primary address, in lower case.
    package var domain: String?
    /// A part of the primary address or of the display name, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = AccountListing.Sort.email
    package var isDescending = false
    /// By address a text, by time microseconds; ties by account.
    package var after: ListPosition?
    package var limit: Int
    package init(organisation: OrganisationID, limit: Int) { (self.organisation, self.limit) = (organisation, limit) }
}

/// One change of an account by those who manage it.
package enum PersonStep: Hashable, Sendable {
    /// nil stays as it is.
    case change(displayName: String?, role: Role?, profile: ProfileChange = ProfileChange())
    case suspend(reason: String)
    /// A suspended one is active again; a deleted one is what it was before, until the moment of its removal.
    case restore
    /// Neither mail nor sign-ins from now on; removed for good after the moment.
    case delete(purgeAt: Timestamp)
}

/// Organisations and the accounts in them, as those see and change them who manage them.
package protocol PeopleStore: Sendable {
    func organisation(_ id: OrganisationID) async throws(StoreError) -> OrganisationRecord?
    /// `audit.subject` is written by the store.
    func addOrganisation(named name: String, audit: AuditEvent) async throws(StoreError) -> OrganisationRecord
    func organisations(_ listing: OrganisationListing) async throws(StoreError) -> [OrganisationRecord]
    /// `audit.detail` is written by the store: before and after.
    func renameOrganisation(
        _ id: OrganisationID,
        to name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> OrganisationRecord
    /// Suspends it with a reason, or restores it with nil; `.refused` when it is so already.
    ///
    /// A suspension ends every session of its people.
    func suspendOrganisation(
        _ id: OrganisationID,
        reason: String?,
        audit: AuditEvent
    ) async throws(StoreError) -> OrganisationRecord
    /// Puts a policy of signing in in force; `audit.detail` is written by the store: before and after.
    ///
    /// Where a second factor is demanded from now on, mail sessions of accounts without one end.
    ///
    /// - Parameter expected: the version that it replaces.
    /// - Throws: `.notFound` without such an organisation, `.alreadyExists` when another version is in force than expected.
    func setSignInPolicy(
        _ policy: SignInPolicy,
        of id: OrganisationID,
        replacing expected: Int64,
        audit: AuditEvent
    ) async throws(StoreError) -> SignInPolicyRecord

    func person(_ id: AccountID) async throws(StoreError) -> Person?
    func people(_ listing: PeopleListing) async throws(StoreError) -> [Person]
    /// Active administrators of the platform, by address.
    func platformAdministrators(limit: Int) async throws(StoreError) -> [Account]
    /// Takes a step, unless the account's role is above `limit` by now (`.notFound`).
    ///
    /// The last active owner of an organisation stays one, and the last active operator of the platform: `.refused`. A
    /// suspension or deletion ends every session of the account. `audit.detail` is written by the store.
    func take(
        _ step: PersonStep,
        on id: AccountID,
        upTo limit: Role,
        audit: AuditEvent
    ) async throws(StoreError) -> Person

    /// Deleted ones whose grace is over.
    func accountsToPurge(now: Timestamp, limit: Int) async throws(StoreError) -> [AccountID]
    /// Removes one with everything that is its own, if it is still due.
    ///
    /// Blobs that nobody names any more go with the next sweep.
    ///
    /// - Parameter audit: its subject becomes the account's address.
    /// - Returns: whether it is gone now.
    func purgeAccount(_ id: AccountID, now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Bool
}

extension PeopleStore {
    /// Who is told of what concerns an organisation, by address: its active owners; its administrators where it has none.
    package func responsible(
        for organisation: OrganisationID,
        limit: Int
    ) async throws(StoreError) -> [Account] {
        for role in [Role.owner, .admin, .platformAdmin] {
            var listing = PeopleListing(organisation: organisation, limit: limit)
            (listing.role, listing.status) = (role, .active)
            let found = try await people(listing)
            if !found.isEmpty { return found.map(\.account) }
        }
        return []
    }
}

extension Role {
    /// What may give and change what: nobody gives or changes a role above their own.
    package var rank: Int {
        switch self {
        case .member: 0
        case .admin: 1
        case .owner: 2
        case .platformAdmin: 3
        }
    }
}
