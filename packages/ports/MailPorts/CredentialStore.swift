package import MailModel

/// An app password within its account; never reused.
package struct AppPasswordID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// What a mail client may do with an app password; the words are those of the interfaces.
package enum SignInScope: String, Sendable, CaseIterable {
    case imap, smtp, pop, jmap, sieve
}

/// When and from where something was last used, to within the interval at which uses are written.
package struct LastUse: Hashable, Sendable {
    package var at: Timestamp
    package var remote: IPAddress?
    package init(at: Timestamp, remote: IPAddress?) { (self.at, self.remote) = (at, remote) }
}

/// A password of one mail client, as its owner sees it: without its secret, which nobody keeps.
package struct AppPassword: Hashable, Sendable {
    package var id: AppPasswordID
    package var account: AccountID
    /// The device, in its owner's words.
    package var name: String
    package var scopes: Set<SignInScope>
    package var createdAt: Timestamp
    package var lastUse: LastUse?
    package init(
        id: AppPasswordID,
        account: AccountID,
        name: String,
        scopes: Set<SignInScope>,
        createdAt: Timestamp,
        lastUse: LastUse? = nil
    ) {
        self.id = id
        self.account = account
        self.name = name
        self.scopes = scopes
        self.createdAt = createdAt
        self.lastUse = lastUse
    }
}

/// What checks a SCRAM-SHA-256 proof (RFC 5802 §3, RFC 7677); salt and iterations are the account's.
package struct SCRAMKeys: Hashable, Sendable {
    /// 32 octets.
    package var stored: [UInt8]
    /// 32 octets.
    package var server: [UInt8]
    package init(stored: [UInt8], server: [UInt8]) { (self.stored, self.server) = (stored, server) }
}

package struct NewAppPassword: Sendable {
    package var account: AccountID
    package var name: String
    package var scopes: Set<SignInScope>
    /// SHA-256, 32 octets.
    package var secretHash: [UInt8]
    package var scram: SCRAMKeys
    package init(
        account: AccountID,
        name: String,
        scopes: Set<SignInScope>,
        secretHash: [UInt8],
        scram: SCRAMKeys
    ) {
        self.account = account
        self.name = name
        self.scopes = scopes
        self.secretHash = secretHash
        self.scram = scram
    }
}

/// With what a mail session signed in.
package enum SignInCredential: Hashable, Sendable {
    case password
    case appPassword(AppPasswordID)
    /// An access token of this session.
    case session(String)
}

/// Mail sessions that must end, in every process: those of one credential, or all of the account.
package struct SignInEnding: Hashable, Sendable {
    /// Numbers in the order in which the changes became visible.
    package var number: Int64
    package var account: AccountID
    /// nil: whatever the session signed in with.
    package var credential: SignInCredential?
    package init(number: Int64, account: AccountID, credential: SignInCredential?) {
        (self.number, self.account, self.credential) = (number, account, credential)
    }
}

/// Passwords of mail clients, and the word that sessions end.
///
/// Audit events are written in the transaction of what they tell of; their details are the store's.
package protocol CredentialStore: Sendable {
    /// `.alreadyExists` for a name that the account uses; `.refused` when it has `limit` of them.
    func addAppPassword(
        _ new: NewAppPassword,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> AppPassword
    /// The oldest first.
    func appPasswords(of account: AccountID) async throws(StoreError) -> [AppPassword]
    func appPassword(of account: AccountID, secretHash: [UInt8]) async throws(StoreError) -> AppPassword?
    /// Every app password of the account with its keys, for a proof that does not name the one.
    func scramKeys(of account: AccountID) async throws(StoreError) -> [(password: AppPassword, keys: SCRAMKeys)]
    /// Nothing when it is gone meanwhile, or a later use is there.
    func noteUse(_ use: LastUse, of id: AppPasswordID, account: AccountID) async throws(StoreError)
    /// Its sessions end with it. `.notFound` when the account has none of that number.
    func removeAppPassword(_ id: AppPasswordID, of account: AccountID, audit: AuditEvent) async throws(StoreError)
    /// Endings above a number, in their order, at most `limit`; nil: the newest only, to begin with.
    func signInEndings(after number: Int64?, limit: Int) async throws(StoreError) -> [SignInEnding]
}
