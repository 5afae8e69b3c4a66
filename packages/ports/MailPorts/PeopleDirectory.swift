package import MailModel

/// Where the people of a domain are kept outside: a server of LDAP, or a database.
package enum DirectorySource: Hashable, Sendable {
    case ldap(LDAPSource)
    case sql(SQLSource)

    /// As settings and the store name it.
    package var kind: String {
        switch self {
        case .ldap: "ldap"
        case .sql: "sql"
        }
    }
}

/// A server of LDAP and how people are found there; the secret beside it is the password of `bindName`.
package struct LDAPSource: Hashable, Sendable {
    /// `ldaps://host:port` or `ldap://host:port`.
    package var url: String
    /// Demands StartTLS of a server at `ldap://`.
    package var startsTLS = true
    /// Certificates in PEM that the server's is checked against; nil: those of the system.
    package var authority: String?
    package var base: String
    /// nil: asks without signing in.
    package var bindName: String?
    /// With `{address}`, `{local}` or `{domain}`.
    package var filter: String
    /// Who is admitted of those who are found; nil: everybody.
    package var admits: String?
    /// What a person is known by for good, whatever their address is.
    package var idAttribute = LDAPSource.standardID
    package var addressAttribute = "mail"
    package var aliasAttributes: [String] = []
    package var nameAttribute = "cn"
    package var languageAttribute: String?
    package var quotaAttribute: String?
    package var disabledAttribute: String?

    /// RFC 4530; Active Directory has `objectGUID`.
    package static let standardID = "entryUUID"

    package init(url: String, base: String, filter: String) {
        (self.url, self.base, self.filter) = (url, base, filter)
    }
}

/// Queries of a PostgreSQL database; the secret beside them is its address, password and all.
///
/// `{address}`, `{local}`, `{domain}`, and `{after}` and `{limit}` in the last, stand for bound parameters.
package struct SQLSource: Hashable, Sendable {
    /// Gives `address` and, as it likes, `person_id`, `aliases`, `name`, `language`, `quota_bytes`, `disabled`.
    package var personQuery: String
    /// Gives `password`: a hash with its scheme.
    package var passwordQuery: String
    /// Gives everybody as `personQuery` does, by `address` behind `{after}`, `{limit}` at most; nil: nobody is synchronised.
    package var peopleQuery: String?

    package init(personQuery: String, passwordQuery: String, peopleQuery: String?) {
        (self.personQuery, self.passwordQuery, self.peopleQuery) = (personQuery, passwordQuery, peopleQuery)
    }
}

/// A domain whose people come from a directory.
package struct DirectoryConnection: Hashable, Sendable {
    package var domain: String
    package var source: DirectorySource
    /// Sealed with the master key.
    package var sealedSecret: [UInt8]?
    /// Passwords that are kept here are good for owners and platform administrators only.
    package var isEnforced = false
    /// Makes an account for who has none.
    package var makesAccounts = false
    /// Of accounts that are made, in octets, where the directory names none; nil for the platform's default.
    package var quotaBytes: Int64?
    /// Whether it is synchronised at intervals.
    package var isSynchronised = false
    /// The share of the domain's people, in percent, that one run may suspend.
    package var mostSuspended = 20
    /// The role of who set it: nobody with a greater one is signed in or changed by it.
    package var setBy: Role
    /// 0 before it is kept.
    package var version: Int64 = 0
    package var changedAt: Timestamp?

    package init(domain: String, source: DirectorySource, sealedSecret: [UInt8]?, setBy: Role) {
        (self.domain, self.source, self.sealedSecret, self.setBy) = (domain, source, sealedSecret, setBy)
    }
}

/// A person as a directory has them.
package struct DirectoryEntry: Hashable, Sendable {
    /// What the directory knows the person by: a distinguished name, or the address.
    package var key: String
    /// What the person is known by whatever their address is; nil: the directory tells nothing of the kind.
    package var identity: String?
    package var address: EmailAddress
    /// Others of the same domain.
    package var aliases: [EmailAddress] = []
    package var name = ""
    package var language: LanguageTag?
    package var quotaBytes: Int64?
    package var isDisabled = false
    package init(key: String, address: EmailAddress) { (self.key, self.address) = (key, address) }
}

/// Why a directory did not answer, or with nothing that can be used; all are transient for who asks.
package enum DirectoryFault: Error, Hashable, Sendable {
    /// Its address may not be asked from here.
    case addressRefused
    case nameUnknown
    /// No connection, or TLS that does not verify.
    case unreachable
    case tooSlow
    /// It refuses the connection's own name or password.
    case secretRefused
    /// What it said cannot be used: the word names it, and holds nothing of people.
    case malformed(String)
    /// Too many ask it already, or it was away a moment ago.
    case busy
    /// More people than are read.
    case tooMany
    /// The secret does not open with the master key.
    case sealedOtherwise

    /// One word for logs and metrics.
    package var code: String {
        switch self {
        case .addressRefused: "address_refused"
        case .nameUnknown: "name_unknown"
        case .unreachable: "unreachable"
        case .tooSlow: "too_slow"
        case .secretRefused: "secret_refused"
        case .malformed(let what): "malformed.\(what)"
        case .busy: "busy"
        case .tooMany: "too_many"
        case .sealedOtherwise: "secret_unreadable"
        }
    }
}

/// A connection with its secret open, to be asked.
package struct OpenDirectory: Sendable {
    package var connection: DirectoryConnection
    /// In no log and no error.
    package var secret: String?
    package init(_ connection: DirectoryConnection, secret: String?) {
        (self.connection, self.secret) = (connection, secret)
    }
}

/// Asks directories.
///
/// Those of tenants are judged by their address, as identity providers are. Waits, sizes and numbers of answers are bounded.
package protocol PeopleDirectoryAsking: Sendable {
    /// What is wrong with a connection, as far as its text tells.
    func objection(to directory: OpenDirectory) -> ConnectionObjection?
    /// Who has the address, disabled or not: two at most are given, so that it is seen when there is more than one.
    func find(_ address: EmailAddress, in directory: OpenDirectory) async throws(DirectoryFault) -> [DirectoryEntry]
    /// Whether the password is the entry's; nil stands for nobody, costs the same and is always false.
    func verify(
        _ password: String,
        of entry: DirectoryEntry?,
        in directory: OpenDirectory
    ) async throws(DirectoryFault) -> Bool
    /// Everybody of the connection's domain, disabled or not.
    func everyone(in directory: OpenDirectory, atMost limit: Int) async throws(DirectoryFault) -> [DirectoryEntry]
}

/// What a directory says of an address and a password.
package enum DirectoryVerdict: Sendable {
    case right(Account)
    /// For the log: nobody, two entries, disabled, wrong, or an account that it does not open.
    case refused(String)
    /// It did not answer.
    case unavailable
}

/// What a directory says of a recipient.
package enum DirectoryRecipient: Hashable, Sendable {
    /// There is an account now.
    case made
    case nobody
    case unavailable
}

/// Directories of domains, for those who check passwords and recipients.
package protocol PeopleDirectories: Sendable {
    /// The connection that an address of the domain falls under; nil where there is none.
    func connection(covering domain: String) async throws(StoreError) -> DirectoryConnection?
    /// Checks a password there, and makes the account where the connection says so.
    func check(
        _ password: String,
        of address: EmailAddress,
        by connection: DirectoryConnection,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> DirectoryVerdict
    /// Whether somebody keeps the address who has got another one in the directory since: it may be another person's there by now.
    func isFormer(_ address: EmailAddress) async throws(StoreError) -> Bool
    /// Looks for a recipient that nobody here has.
    func recipient(_ address: EmailAddress) async throws(StoreError) -> DirectoryRecipient
}
