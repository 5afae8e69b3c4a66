package import MailModel

/// What became of a person of a directory here.
package enum DirectoryAdmission: Equatable, Sendable {
    package enum Change: String, Equatable, Sendable {
        case made, restored, changed, unchanged
    }

    case admitted(Account, Change)
    /// Nobody has the address, and none is made.
    case noAccount
    /// The address is that of a list or an alias, or was taken at the same moment.
    case addressTaken
    /// The address is that of an account which is another person's of the directory.
    case anotherPerson
    /// The address is that of an account which belongs to another domain.
    case otherDomain
    /// The account's role is above that of who set the connection.
    case roleAbove
    case suspended
    /// The connection was changed or removed meanwhile.
    case connectionChanged

    /// One word for logs.
    package var code: String {
        switch self {
        case .admitted(_, let change): change.rawValue
        case .noAccount: "no account"
        case .addressTaken: "address taken"
        case .anotherPerson: "account of another person"
        case .otherDomain: "account of another domain"
        case .roleAbove: "role above"
        case .suspended: "suspended"
        case .connectionChanged: "connection changed"
        }
    }
}

/// An account that a directory has had.
package struct DirectoryMember: Hashable, Sendable {
    package var account: AccountID
    package var address: EmailAddress
    package var isActive: Bool
    package init(account: AccountID, address: EmailAddress, isActive: Bool) {
        (self.account, self.address, self.isActive) = (account, address, isActive)
    }
}

/// A synchronisation, as it went.
package struct DirectoryRun: Hashable, Sendable {
    package enum Outcome: String, Sendable {
        case done
        /// More would have been suspended than may be: nobody was.
        case held
        /// The directory did not answer.
        case failed
    }
    package var startedAt: Timestamp
    package var endedAt: Timestamp
    package var outcome: Outcome
    /// A sentence; holds no address.
    package var detail = ""
    /// Entries of the directory.
    package var seen: Int64 = 0
    package var made: Int64 = 0
    package var changed: Int64 = 0
    package var suspended: Int64 = 0
    package var restored: Int64 = 0
    /// Entries that could not be taken in.
    package var skipped: Int64 = 0
    package init(startedAt: Timestamp, endedAt: Timestamp, outcome: Outcome) {
        (self.startedAt, self.endedAt, self.outcome) = (startedAt, endedAt, outcome)
    }
}

/// Connections of domains with directories, and which accounts are theirs.
package protocol PeopleDirectoryStore: Sendable {
    /// The connection that the domain itself has; nil too when it is not hosted.
    func directoryConnection(of domain: String) async throws(StoreError) -> DirectoryConnection?
    /// The connection that an address of the domain falls under: its own, or that of the domain which it is an alias of. The domains
    /// are verified and not suspended.
    func directoryConnection(covering domain: String) async throws(StoreError) -> DirectoryConnection?
    /// Keeps a connection; its version is made here.
    ///
    /// - Throws: `.alreadyExists` when the version in force is not `expected`; `.notFound` when the domain is not hosted.
    func setDirectoryConnection(
        _ connection: DirectoryConnection,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> DirectoryConnection
    /// Accounts stay as they are; who was suspended by a synchronisation stays so.
    func removeDirectoryConnection(of domain: String, audit: AuditEvent) async throws(StoreError)

    /// Finds the person's account and links it, or makes it from `new`, in one step.
    ///
    /// Who has an identifier is known by that; by the address, only an account that is not known to be another's. Where the directory
    /// gives a person another address, that becomes the primary one.
    ///
    /// - Parameters:
    ///   - updates: brings name, language and aliases to what the directory has, and restores whom a synchronisation had suspended.
    ///   - audit: when, by whom and from where; its lines are written with the changes.
    func admit(
        _ entry: DirectoryEntry,
        by connection: DirectoryConnection,
        making new: NewAccount?,
        updates: Bool,
        audit: AuditEvent
    ) async throws(StoreError) -> DirectoryAdmission
    /// What `admit` with `updates` would do to an entry; changes nothing.
    func preview(
        _ entry: DirectoryEntry,
        by connection: DirectoryConnection,
        makes: Bool
    ) async throws(StoreError) -> DirectoryAdmission?
    /// Accounts that the domain's directory has had, by number.
    func directoryMembers(
        of domain: String,
        after: AccountID?,
        limit: Int
    ) async throws(StoreError) -> [DirectoryMember]
    /// Whether a person keeps the address who has got another one in the directory since.
    func isFormerAddress(_ address: EmailAddress) async throws(StoreError) -> Bool
    /// Forgets which person of the directory an account is: the next one with its address is linked. Nothing else is changed.
    ///
    /// - Throws: `.notFound` when the account is not one of that domain's directory.
    func forgetPerson(_ account: AccountID, of domain: String, audit: AuditEvent) async throws(StoreError)
    /// Suspends a member whom the directory does not have any more; it is remembered that this did it.
    ///
    /// - Returns: false where it is not active, or its role forbids it.
    func suspendMember(
        _ account: AccountID,
        by connection: DirectoryConnection,
        reason: String,
        audit: AuditEvent
    ) async throws(StoreError) -> Bool

    /// Domains whose synchronisation is due.
    func directoriesToSync(now: Timestamp, limit: Int) async throws(StoreError) -> [String]
    func noteDirectoryRun(_ run: DirectoryRun, of domain: String, next: Timestamp?) async throws(StoreError)
    func directoryRun(of domain: String) async throws(StoreError) -> DirectoryRun?
}
