package import Logging
import MailCrypto
package import MailModel
package import MailPorts
import Metrics
import Synchronization

package enum AuthenticationOutcome: Sendable {
    case success(SignIn)
    /// The password is right; HTTP asks for the second factor.
    case secondFactorNeeded(Account)
    /// The password is right, and HTTP lets the account enrol the second factor that its organisation demands.
    case enrolmentNeeded(SignIn)
    /// The password is right, but the account has a second factor, or must have one, and the protocol cannot ask for it.
    case appPasswordNeeded
    /// The people of this domain sign in by its identity provider; says nothing of the password.
    case providerNeeded(domain: String)
    /// Unknown address, wrong password, suspended account: told apart in the log only.
    case invalid
    /// Too many failures; not even a right password is taken before then.
    case lockedOut(retryAfterSeconds: Int)
    /// The directory is away, or too many wait (transient).
    case unavailable
}

/// Bounds on guessing.
package struct LockoutLimits: Sendable {
    /// Failures of one account from one address within the window.
    package var failures = 10
    /// Failures from one address, whatever account.
    package var failuresPerAddress = 50
    package var windowSeconds = 900
    /// Clients whose failures are not counted.
    package var exempt: [IPNetwork] = []
    package init() {}
}

/// Checks addresses and passwords for every service.
///
/// Spends the time of one Argon2id whether the address exists and has a password or not, so that answers do not tell which do.
package final class AccountAuthenticator: Sendable {
    /// The sessions that signed in here, to be ended when their credential is.
    package let signIns = SignInRegistry()
    let directory: any DirectoryStore
    let credentials: any CredentialStore
    /// nil where no mail protocol is served.
    let mail: MailSignIns?
    private let factors: any SecondFactorStore
    /// nil: no domain has an identity provider.
    let providers: (any SingleSignOnStore)?
    /// nil: no domain's people come from a directory.
    let directories: (any PeopleDirectories)?
    let limiter: any RateLimiter
    let passwords: PasswordWork
    let limits: LockoutLimits
    let cache: SignInCache
    /// What directories said was right.
    let directoryCache: SignInCache
    let trail: SignInAudit
    /// nil: nobody takes note of what clients do.
    package let conduct: (any ConductNoting)?
    private let lastUseSeconds: Int64
    let logger: Logger
    /// A hash that no password has, made with the costs in force.
    private let decoy = Mutex<String?>(nil)

    /// `lastUseSeconds`: how often at most the use of an app password is written.
    package init(
        directory: any DirectoryStore,
        credentials: any CredentialStore & SecondFactorStore,
        limiter: any RateLimiter,
        passwords: PasswordWork,
        limits: LockoutLimits = LockoutLimits(),
        cache: SignInCache = SignInCache(),
        lastUseSeconds: Int64 = 300,
        mail: MailSignIns? = nil,
        providers: (any SingleSignOnStore)? = nil,
        conduct: (any ConductNoting)? = nil,
        directories: (any PeopleDirectories)? = nil,
        directoryCache: SignInCache = SignInCache(lifetimeSeconds: 300),
        logger: Logger = Logger(label: "auth")
    ) {
        self.directory = directory
        self.credentials = credentials
        factors = credentials
        self.lastUseSeconds = lastUseSeconds
        self.mail = mail
        self.providers = providers
        self.directories = directories
        self.directoryCache = directoryCache
        self.limiter = limiter
        self.passwords = passwords
        self.limits = limits
        self.cache = cache
        self.conduct = conduct
        self.logger = logger
        trail = SignInAudit(directory, intervalSeconds: lastUseSeconds)
        signIns.observe { ending in
            if ending.credential == nil || ending.credential == .password { directoryCache.forget(ending.account) }
        }
    }

    /// Checks one sign-in.
    ///
    /// `user` is any address of the account; `service` (`smtp`, `imap`, `http`) is for log and metrics.
    package func authenticate(
        user: String,
        password: String,
        remote: IPAddress?,
        service: String,
        now: Timestamp
    ) async -> AuthenticationOutcome {
        let decided = await decide(user: user, password: password, remote: remote, service: service, now: now)
        note(decided, user, password, remote)
        let outcome = await underProvider(decided, user, service)
        switch outcome {
        case .success(let signIn), .enrolmentNeeded(let signIn): await trail.signedIn(signIn, service, remote, now)
        case .secondFactorNeeded, .appPasswordNeeded, .providerNeeded, .invalid, .lockedOut, .unavailable: ()
        }
        count(outcome, service)
        return outcome
    }

    private func decide(
        user: String,
        password: String,
        remote: IPAddress?,
        service: String,
        now: Timestamp
    ) async -> AuthenticationOutcome {
        let position = signIns.position
        let address = EmailAddress(user)
        let counters = counters(address, remote)
        guard await !isLockedOut(counters, now) else { return .lockedOut(retryAfterSeconds: limits.windowSeconds) }
        guard let address, (1...PasswordPolicy.maximumLength).contains(password.utf8.count) else {
            guard await spendTime(password) else { return .unavailable }
            return await refuse("malformed credentials", address, remote, service, counters, now)
        }
        let found: (account: Account, passwordHash: String?)?
        var attempt = DirectoryAttempt(
            address: address,
            password: password,
            remote: remote,
            service: service,
            counters: counters,
            position: position,
            now: now
        )
        var outside: DirectoryConnection?
        do throws(StoreError) {
            found = try await directory.credential(for: address)
            // No directory decides on the app passwords of who may sign in: it is looked up after those.
            if found?.account.status != .active { outside = try await directory(deciding: address, found?.account) }
        } catch {
            logger.error(
                "directory unavailable",
                metadata: ["service": .string(service), "error": .string("\(error)")]
            )
            return .unavailable
        }
        guard let found, found.account.status == .active else {
            if let outside { return await decide(attempt, by: outside) }
            guard await spendTime(password) else { return .unavailable }
            return await refuse("unknown or suspended", address, remote, service, counters, now)
        }
        do throws(StoreError) {
            if let id = try await appPassword(password, of: found.account, service, remote, now) {
                if let pair = counters.first { await limiter.clear(pair.key) }
                return .success(SignIn(account: found.account, credential: .appPassword(id), position: position))
            }
        } catch {
            logger.error(
                "app passwords unavailable",
                metadata: ["service": .string(service), "error": .string("\(error)")]
            )
            return .unavailable
        }
        do throws(StoreError) {
            if try await provider(demandedOf: found.account) != nil {
                guard await spendTime(password) else { return .unavailable }
                return await refuse("its provider is demanded", address, remote, service, counters, now)
            }
            outside = try await directory(deciding: address, found.account)
        } catch {
            logger.error(
                "connections of providers and directories unavailable",
                metadata: ["error": .string("\(error)")]
            )
            return .unavailable
        }
        if let outside {
            (attempt.account, attempt.passwordHash) = (found.account, found.passwordHash)
            return await decide(attempt, by: outside)
        }
        guard let knownHash = found.passwordHash else {
            guard await spendTime(password) else { return .unavailable }
            return await refuse("it has no password", address, remote, service, counters, now)
        }
        let signIn = SignIn(account: found.account, credential: .password, position: position)
        if cache.contains(address, password, passwordHash: knownHash, now: now) {
            return await passed(signIn, service, remote, now)
        }
        do throws(PasswordWork.Failure) {
            guard try await passwords.verify(password, against: knownHash) else {
                return await refuse("wrong password", address, remote, service, counters, now)
            }
        } catch {
            logger.warning(
                "sign-in turned away",
                metadata: ["service": .string(service), "error": .string("\(error)")]
            )
            return .unavailable
        }
        // Only the pair's counter: whoever guesses other accounts must not clear the address's by signing in to one.
        if let pair = counters.first { await limiter.clear(pair.key) }
        let hash = await rehashed(password, knownHash, found.account.id)
        cache.insert(address, password, passwordHash: hash, now: now)
        return await passed(signIn, service, remote, now)
    }

    /// After the account's own password: whether that is enough.
    ///
    /// Who has a second factor, or must have one, learns from a mail protocol that the password was right and an app password is wanted, as
    /// other providers tell (RFC 4954 §6 has no word for it; 534 5.7.9 is theirs). A guesser learns it too, and cannot use it.
    func passed(
        _ signIn: SignIn,
        _ service: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async -> AuthenticationOutcome {
        let standing: FactorStanding
        do throws(StoreError) {
            standing = try await factors.factorStanding(of: signIn.account.id)
        } catch {
            logger.error("second factors unavailable", metadata: ["error": .string("\(error)")])
            return .unavailable
        }
        guard !standing.takesPasswordAlone else { return .success(signIn) }
        guard SignInScope(rawValue: service) != nil else {
            return standing.kinds.isEmpty ? .enrolmentNeeded(signIn) : .secondFactorNeeded(signIn.account)
        }
        await trail.refused(signIn.account.primaryAddress, "app password needed", service, remote, now)
        logger.notice(
            "sign-in needs an app password",
            metadata: [
                "service": .string(service), "account": .string(signIn.account.primaryAddress.canonical),
                "remote": .string(remote?.description ?? "-"),
            ]
        )
        return .appPasswordNeeded
    }

    /// The app password that this is, when the account has it and it is good for the service.
    ///
    /// Only what can be one is looked up. What is none goes on to be compared with the account's own password, which
    /// costs the same as ever.
    private func appPassword(
        _ password: String,
        of account: Account,
        _ service: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async throws(StoreError) -> AppPasswordID? {
        guard let scope = SignInScope(rawValue: service), let secret = AppSecret(password) else { return nil }
        guard let known = try await credentials.appPassword(of: account.id, secretHash: secret.hash(for: account.id))
        else { return nil }
        guard known.scopes.contains(scope) else { return nil }
        await noteUse(of: known, remote, now)
        return known.id
    }

    /// Writes when and from where, unless that was written a short while ago; a sign-in does not fail for it.
    func noteUse(of known: AppPassword, _ remote: IPAddress?, _ now: Timestamp) async {
        if let last = known.lastUse, last.at.adding(seconds: lastUseSeconds) > now { return }
        do throws(StoreError) {
            try await credentials.noteUse(LastUse(at: now, remote: remote), of: known.id, account: known.account)
        } catch {
            logger.notice("last use not written", metadata: ["error": .string("\(error)")])
        }
    }

    func spendTime(_ password: String) async -> Bool {
        let capped = String(decoding: password.utf8.prefix(PasswordPolicy.maximumLength), as: UTF8.self)
        do throws(PasswordWork.Failure) {
            if let hash = decoy.withLock({ $0 }) {
                _ = try await passwords.verify(capped, against: hash)
            } else {
                let made = try await passwords.hash(Base64URL.encode(SecureRandom.bytes(32)))
                decoy.withLock { $0 = made }
            }
            return true
        } catch {
            return false
        }
    }

    /// Brings an old hash to the costs in force; the account keeps the old one when that fails.
    func rehashed(_ password: String, _ old: String, _ account: AccountID) async -> String {
        guard passwords.needsRehash(old) else { return old }
        guard let new = try? await passwords.hash(password) else { return old }
        do throws(StoreError) {
            try await directory.setPassword(account, hash: new, replacing: old)
            return new
        } catch {
            return old
        }
    }
}
