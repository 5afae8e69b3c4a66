package import Logging
package import MailCrypto
package import MailModel
package import MailPorts
import WebAuthn

package enum PasskeyOutcome: Sendable {
    case passed(Account)
    /// Whatever was wrong: the log knows.
    case refused
}

/// Passkeys (WebAuthn Level 3): beside the password, and instead of it where the authenticator has verified its user.
///
/// Invariants: a challenge is answered once, on whichever replica; a signature is checked with the algorithm that its key was
/// registered for; what a client reads does not tell which accounts or passkeys there are.
package struct PasskeyService: Sendable {
    package let store: any PasskeyStore
    let directory: any DirectoryStore
    package let policy: PasskeyPolicy
    let key: [UInt8]
    /// nil: everything is on.
    let flags: FeatureFlags?
    /// nil: nobody takes note of what clients do.
    let conduct: (any ConductNoting)?
    let logger: Logger

    /// With the key of the store, made on the first start and sealed there.
    package static func load(
        store: any PasskeyStore,
        directory: any DirectoryStore,
        sessions: any SessionStore,
        masterKey: MasterKey,
        policy: PasskeyPolicy,
        flags: FeatureFlags?,
        conduct: (any ConductNoting)? = nil
    ) async throws(StoreError) -> PasskeyService {
        let sealed = try await sessions.platformSecret("passkey-challenge-key") {
            SecretBox.seal(SecureRandom.bytes(32), with: masterKey)
        }
        guard let key = try? SecretBox.open(sealed, with: masterKey) else {
            throw .refused("the passkey key in the store was not sealed with this master key")
        }
        return PasskeyService(
            store: store,
            directory: directory,
            key: key,
            policy: policy,
            flags: flags,
            conduct: conduct
        )
    }

    package init(
        store: any PasskeyStore,
        directory: any DirectoryStore,
        key: [UInt8],
        policy: PasskeyPolicy,
        flags: FeatureFlags? = nil,
        conduct: (any ConductNoting)? = nil,
        logger: Logger = Logger(label: "passkeys")
    ) {
        self.store = store
        self.directory = directory
        self.key = key
        self.policy = policy
        self.flags = flags
        self.conduct = conduct
        self.logger = logger
    }

    // MARK: - Requests

    /// For signing in without a password.
    ///
    /// With an address, its passkeys are named, or one that nobody has when there are none, always the same for that address
    /// (WebAuthn Level 3 §14.6.2).
    package func signInRequest(_ address: EmailAddress?, now: Timestamp) async throws(StoreError) -> PasskeyRequest {
        var allowed: [PasskeyRequest.Allowed] = []
        if let address {
            if let account = try await directory.account(withAddress: address), account.status == .active {
                allowed = try await named(account.id)
            }
            if allowed.isEmpty {
                let decoy = HMACSHA256.authenticate(Array("decoy \(address.canonical)".utf8), key: key)
                allowed = [PasskeyRequest.Allowed(id: decoy, transports: ["hybrid", "internal"])]
            }
        }
        return request(.signIn, of: .system, allowed, needsVerification: true, now)
    }

    /// After the right password; nil when the account has no passkey.
    package func secondFactorRequest(_ account: Account, now: Timestamp) async throws(StoreError) -> PasskeyRequest? {
        let allowed = try await named(account.id)
        guard !allowed.isEmpty else { return nil }
        return request(.secondFactor, of: account.id, allowed, needsVerification: false, now)
    }

    /// Before changes that an open session alone must not make; nil when the account has no passkey.
    package func confirmationRequest(_ account: Account, now: Timestamp) async throws(StoreError) -> PasskeyRequest? {
        let allowed = try await named(account.id)
        guard !allowed.isEmpty else { return nil }
        return request(.confirm, of: account.id, allowed, needsVerification: true, now)
    }

    private func named(_ account: AccountID) async throws(StoreError) -> [PasskeyRequest.Allowed] {
        try await store.passkeys(of: account).map { .init(id: $0.credential, transports: $0.transports) }
    }

    private func request(
        _ purpose: PasskeyChallenge.Purpose,
        of account: AccountID,
        _ allowed: [PasskeyRequest.Allowed],
        needsVerification: Bool,
        _ now: Timestamp
    ) -> PasskeyRequest {
        PasskeyRequest(
            challenge: challenge(purpose, account, now).bytes,
            relyingParty: policy.relyingParty,
            allowed: allowed,
            needsVerification: needsVerification,
            timeoutSeconds: policy.challengeSeconds
        )
    }

    func challenge(_ purpose: PasskeyChallenge.Purpose, _ account: AccountID, _ now: Timestamp) -> PasskeyChallenge {
        PasskeyChallenge(
            purpose,
            account: account,
            expiresAt: now.adding(seconds: policy.challengeSeconds),
            key: key
        )
    }

    // MARK: - Answers

    /// Signs in by a passkey alone; `address` is for authenticators that do not say whose passkey it is.
    package func signIn(
        _ assertion: PasskeyAssertion,
        address: EmailAddress?,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> PasskeyOutcome {
        var account: Account?
        if let handle = assertion.userHandle {
            if let id = Self.account(ofHandle: handle) { account = try await directory.account(id) }
        } else if let address {
            account = try await directory.account(withAddress: address)
        }
        guard let account, account.status == .active else {
            noteWrong(assertion, as: address?.canonical ?? "", remote)
            return .refused
        }
        // Who has no password has no other way in: a flag that is switched off later shuts nobody out.
        if let flags, account.hasPassword, await !flags.isOn(.passkeySignIn, for: account) {
            return await refuse(assertion, "passkeys alone are off", account, remote, now)
        }
        return try await check(assertion, .signIn, of: account, needsVerification: true, remote, now)
    }

    /// Takes an answer to `secondFactorRequest`.
    package func completeSecondFactor(
        _ assertion: PasskeyAssertion,
        of account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> PasskeyOutcome {
        try await check(assertion, .secondFactor, of: account, needsVerification: false, remote, now)
    }

    /// Takes an answer to `confirmationRequest`.
    package func confirm(
        _ assertion: PasskeyAssertion,
        of account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> PasskeyOutcome {
        try await check(assertion, .confirm, of: account, needsVerification: true, remote, now)
    }

    private func check(
        _ assertion: PasskeyAssertion,
        _ purpose: PasskeyChallenge.Purpose,
        of account: Account,
        needsVerification: Bool,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(StoreError) -> PasskeyOutcome {
        let known = try await store.passkeys(of: account.id).first { $0.credential == assertion.id }
        guard let known else { return await refuse(assertion, "unknown passkey", account, remote, now) }
        let read: (challenge: PasskeyChallenge, data: AuthenticatorData)
        do throws(WebAuthnFault) {
            read = try verify(assertion, purpose, of: account.id, known, needsVerification, now)
        } catch {
            return await refuse(assertion, isForged: error == .signature, error.description, account, remote, now)
        }
        let outcome = try await store.usePasskey(
            PasskeyUse(
                passkey: known.id,
                account: account.id,
                signCount: read.data.signCount,
                isBackedUp: read.data.isBackedUp,
                use: LastUse(at: now, remote: remote),
                verifiedUser: read.data.isUserVerified
            ),
            spending: read.challenge.spent,
            audit: event(Self.action(purpose), account, known.id, remote, now),
            alarm: event("passkey.clone_suspected", account, known.id, remote, now)
        )
        switch outcome {
        case .used:
            if let remote { conduct?.note(.signedIn(account.id), of: remote) }
            return .passed(account)
        case .replayed: return await refuse(assertion, "challenge answered before", account, remote, now)
        case .counterWentBack: return await refuse(assertion, "counter went back", account, remote, now)
        case .gone: return await refuse(assertion, "unknown passkey", account, remote, now)
        }
    }

    /// WebAuthn Level 3 §7.2.
    private func verify(
        _ assertion: PasskeyAssertion,
        _ purpose: PasskeyChallenge.Purpose,
        of account: AccountID,
        _ known: Passkey,
        _ needsVerification: Bool,
        _ now: Timestamp
    ) throws(WebAuthnFault) -> (challenge: PasskeyChallenge, data: AuthenticatorData) {
        if let handle = assertion.userHandle, Self.account(ofHandle: handle) != account { throw .credentialID }
        let client = try ClientData(assertion.clientData)
        let challenge = try self.challenge(in: client, purpose, account, now)
        let data = try AuthenticatorData(assertion.authenticatorData)
        try ceremony(.get, challenge, needsVerification).check(client, data)
        let message = assertion.authenticatorData + SHA256.hash(assertion.clientData)
        guard try PasskeyPublicKey(known.publicKey).verifies(assertion.signature, of: message) else {
            throw .signature
        }
        return (challenge, data)
    }

    func challenge(
        in client: ClientData,
        _ purpose: PasskeyChallenge.Purpose,
        _ account: AccountID,
        _ now: Timestamp
    ) throws(WebAuthnFault) -> PasskeyChallenge {
        guard let challenge = PasskeyChallenge(client.challenge, key: key, now: now), challenge.purpose == purpose,
            challenge.account == (purpose == .signIn ? .system : account)
        else { throw .challenge }
        return challenge
    }

    func ceremony(_ kind: ClientData.Kind, _ challenge: PasskeyChallenge, _ needsVerification: Bool) -> Ceremony {
        Ceremony(
            kind,
            challenge: challenge.bytes,
            origins: policy.origins,
            relyingPartyHash: policy.relyingPartyHash,
            needsVerification: needsVerification
        )
    }

    // MARK: - Accounts

    /// The account's number in eight octets: it says nothing of a person (WebAuthn Level 3 §14.6.1).
    static func handle(of account: AccountID) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: account.rawValue >> (56 - 8 * Int64($0))) }
    }

    private static func account(ofHandle handle: [UInt8]) -> AccountID? {
        guard handle.count == 8, handle[0] < 128 else { return nil }
        return AccountID(handle.reduce(0) { $0 << 8 | Int64($1) })
    }

    private static func action(_ purpose: PasskeyChallenge.Purpose) -> String {
        switch purpose {
        case .register, .accept: "passkey.add"
        case .signIn: "passkey.sign_in"
        case .secondFactor: "second_factor.passed"
        case .confirm: "passkey.confirm"
        }
    }

    func event(
        _ action: String,
        _ account: Account,
        _ passkey: PasskeyID?,
        actor: String? = nil,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) -> AuditEvent {
        AuditEvent(
            at: now,
            actor: actor ?? account.primaryAddress.canonical,
            action: action,
            subject: account.primaryAddress.canonical,
            remote: remote,
            detail: passkey.map { "{\"passkey\":\($0)}" } ?? "{}"
        )
    }
}
