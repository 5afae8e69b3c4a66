package import MailModel

/// A passkey within its account; never reused.
package struct PasskeyID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// A passkey's public half, as its owner registered it (WebAuthn Level 3 §4, credential record).
package struct Passkey: Hashable, Sendable {
    package var id: PasskeyID
    package var account: AccountID
    /// The name that the authenticator gave it, 1 to 1,023 octets.
    package var credential: [UInt8]
    /// A COSE_Key (RFC 9052 §7).
    package var publicKey: [UInt8]
    /// 0 for authenticators that do not count.
    package var signCount: UInt32
    /// In its owner's words.
    package var name: String
    /// The kind of authenticator (AAGUID), 16 octets, all zero when it does not tell.
    package var model: [UInt8]
    /// How a browser reaches it, in the words of WebAuthn: `internal`, `usb`, `hybrid`.
    package var transports: [String]
    package var isBackedUp: Bool
    package var createdAt: Timestamp
    package var lastUse: LastUse?
    /// Its authenticator has verified its user (a fingerprint, a PIN), so that it may sign in alone.
    package var verifiesUser: Bool
    package init(
        id: PasskeyID,
        account: AccountID,
        credential: [UInt8],
        publicKey: [UInt8],
        signCount: UInt32,
        name: String,
        model: [UInt8],
        transports: [String],
        isBackedUp: Bool,
        createdAt: Timestamp,
        lastUse: LastUse? = nil,
        verifiesUser: Bool = false
    ) {
        self.id = id
        self.account = account
        self.credential = credential
        self.publicKey = publicKey
        self.signCount = signCount
        self.name = name
        self.model = model
        self.transports = transports
        self.isBackedUp = isBackedUp
        self.createdAt = createdAt
        self.lastUse = lastUse
        self.verifiesUser = verifiesUser
    }
}

/// A challenge that is used up, remembered until nobody would take it any more.
package struct SpentChallenge: Hashable, Sendable {
    /// SHA-256, 32 octets.
    package var hash: [UInt8]
    package var expiresAt: Timestamp
    package init(hash: [UInt8], expiresAt: Timestamp) { (self.hash, self.expiresAt) = (hash, expiresAt) }
}

/// One answer of a passkey whose signature is right.
package struct PasskeyUse: Sendable {
    package var passkey: PasskeyID
    package var account: AccountID
    package var signCount: UInt32
    package var isBackedUp: Bool
    package var use: LastUse
    /// The user was verified this time.
    package var verifiedUser: Bool
    package init(
        passkey: PasskeyID,
        account: AccountID,
        signCount: UInt32,
        isBackedUp: Bool,
        use: LastUse,
        verifiedUser: Bool = false
    ) {
        self.verifiedUser = verifiedUser
        self.passkey = passkey
        self.account = account
        self.signCount = signCount
        self.isBackedUp = isBackedUp
        self.use = use
    }
}

package enum PasskeyUseOutcome: Equatable, Sendable {
    case used
    /// The challenge was answered before.
    case replayed
    /// The authenticator has counted back or stood still: there may be two of it (WebAuthn Level 3 §7.2 step 22).
    case counterWentBack
    case gone
}

/// Who takes a passkey away, and so what it may be kept for.
package enum PasskeyRemoval: Sendable {
    /// Refused for the last factor of an account whose organisation demands one, and for the last way in.
    case byOwner
    /// Refused for the last way in: who has lost a factor enrols another one at the next sign-in.
    case byOperator
    /// Whatever is left.
    case forced
}

/// A passkey that was just made, with what is kept beside it.
package struct NewPasskey: Sendable {
    /// `id` in it means nothing.
    package var passkey: Passkey
    package var challenge: SpentChallenge
    /// For an account that has none.
    package var recoveryHashes: [[UInt8]]
    package init(_ passkey: Passkey, spending challenge: SpentChallenge, recoveryHashes: [[UInt8]]) {
        (self.passkey, self.challenge, self.recoveryHashes) = (passkey, challenge, recoveryHashes)
    }
}

/// Passkeys of accounts.
///
/// A credential is looked for among those of one account only.
package protocol PasskeyStore: Sendable {
    /// In the order in which they were added.
    func passkeys(of account: AccountID) async throws(StoreError) -> [Passkey]

    /// Keeps a passkey; `id` in it means nothing.
    ///
    /// The first one of an account ends the mail sessions that signed in with the account's own password, and makes these its
    /// recovery codes unless it has some.
    ///
    /// - Returns: the passkey, and whether the recovery codes were taken.
    /// - Throws: `.alreadyExists` for a credential or a name that the account has; `.refused` when it has `limit`, or the
    ///   challenge was answered before.
    func addPasskey(
        _ new: Passkey,
        spending challenge: SpentChallenge,
        recoveryHashes: [[UInt8]],
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> (passkey: Passkey, tookRecoveryCodes: Bool)

    /// Spends the challenge and notes the use, or says why not; `audit` is written when it was used, `alarm` when the counter
    /// went back.
    func usePasskey(
        _ use: PasskeyUse,
        spending challenge: SpentChallenge,
        audit: AuditEvent,
        alarm: AuditEvent
    ) async throws(StoreError) -> PasskeyUseOutcome

    /// `.notFound`, or `.alreadyExists` when another has the name.
    func renamePasskey(
        _ id: PasskeyID,
        of account: AccountID,
        to name: String,
        audit: AuditEvent
    ) async throws(StoreError)

    /// The last second factor of an account takes its recovery codes along.
    ///
    /// - Throws: `.refused` by `removal`: the last way in of an account without a password is its last passkey that has
    ///   verified its user, unless an identity provider signs it in.
    func removePasskey(
        _ id: PasskeyID,
        of account: AccountID,
        removal: PasskeyRemoval,
        audit: AuditEvent
    ) async throws(StoreError)
}
