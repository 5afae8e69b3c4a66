package import MailCrypto
package import MailModel
package import MailPorts

/// Bounds on guessing codes.
package struct SecondFactorLimits: Sendable {
    /// Wrong codes of one account within the window; only who knows its password can give any.
    package var failures = 10
    package var windowSeconds = 900
    /// How far clocks may differ: steps before and after the present one whose codes are taken (RFC 6238 §5.2).
    package static let driftSteps: Int64 = 1
    package static let recoveryCodes = 10
    package init() {}
}

package enum SecondFactorOutcome: Sendable {
    case passed(Account)
    case wrongCode
    case lockedOut(retryAfterSeconds: Int)
    /// The challenge is not ours, has expired or its account is gone.
    case noChallenge
}

/// Time-based codes and recovery codes beside the password.
///
/// Invariants: a code is taken once, by whichever replica; secrets lie sealed in the store and recovery codes as hashes;
/// wrong codes are counted by account.
package struct SecondFactorService: Sendable {
    package let store: any SecondFactorStore
    let directory: any DirectoryStore
    private let limiter: any RateLimiter
    private let tokens: TokenService
    private let masterKey: MasterKey
    private let issuer: String
    private let limits: SecondFactorLimits
    /// nil: nobody takes note of what clients do.
    private let conduct: (any ConductNoting)?

    /// `issuer` names the platform in authenticator programs.
    package init(
        store: any SecondFactorStore,
        directory: any DirectoryStore,
        limiter: any RateLimiter,
        tokens: TokenService,
        masterKey: MasterKey,
        issuer: String,
        limits: SecondFactorLimits = SecondFactorLimits(),
        conduct: (any ConductNoting)? = nil
    ) {
        self.store = store
        self.directory = directory
        self.limiter = limiter
        self.tokens = tokens
        self.masterKey = masterKey
        self.issuer = issuer
        self.limits = limits
        self.conduct = conduct
    }

    // MARK: - Enrolment

    /// A new secret that waits for its first code: in base 32, and as the URI that authenticator programs read.
    package func begin(_ account: Account) async throws(AccountError) -> (secret: String, uri: String) {
        let secret = SecureRandom.bytes(TOTP.secretLength)
        do throws(StoreError) {
            try await store.beginSecondFactor(of: account.id, sealedSecret: seal(secret, account.id))
        } catch .alreadyExists {
            throw .fieldTaken("totp", "the account has a second factor; disable it first")
        } catch {
            throw .store(error)
        }
        let text = Base32.encode(secret)
        let label = Self.escaped(issuer) + ":" + Self.escaped(account.primaryAddress.canonical)
        return (
            text,
            "otpauth://totp/\(label)?secret=\(text)&issuer=\(Self.escaped(issuer))&algorithm=SHA1&digits=6&period=30"
        )
    }

    /// Confirms the secret by a code of it; gives the recovery codes, this once.
    package func confirm(
        _ account: Account,
        code: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> [String] {
        let codes = (0..<SecondFactorLimits.recoveryCodes).map { _ in RecoveryCode.random() }
        do throws(StoreError) {
            guard let factor = try await store.secondFactor(of: account.id), !factor.isConfirmed else {
                throw .notFound
            }
            guard await countTry(account.id, now) == nil else {
                throw .refused("too many wrong codes; try again later")
            }
            guard let step = matchingStep(code, factor, account.id, now) else { throw .refused("the code is wrong") }
            try await store.confirmSecondFactor(
                of: account.id,
                sealedSecret: factor.sealedSecret,
                step: step,
                recoveryHashes: codes.map { $0.hash(for: account.id) },
                audit: Self.event("second_factor.enable", account, remote, now)
            )
        } catch {
            throw .store(error)
        }
        await limiter.clear(key(account.id))
        return codes.map(\.text)
    }

    /// New recovery codes in place of all earlier ones.
    package func renewRecoveryCodes(
        _ account: Account,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> [String] {
        let codes = (0..<SecondFactorLimits.recoveryCodes).map { _ in RecoveryCode.random() }
        do throws(StoreError) {
            try await store.replaceRecoveryCodes(
                of: account.id,
                with: codes.map { $0.hash(for: account.id) },
                audit: Self.event("second_factor.recovery_codes", account, remote, now)
            )
        } catch {
            throw .store(error)
        }
        return codes.map(\.text)
    }

    // MARK: - Signing in

    /// Whom a challenge that `challenge` made is for; nil when it is not ours, has expired or its account is gone.
    package func account(ofChallenge challenge: String, now: Timestamp) async throws(StoreError) -> Account? {
        guard let id = await tokens.account(ofChallenge: challenge, now: now),
            let account = try await directory.account(id), account.status == .active
        else { return nil }
        return account
    }

    /// What an account with a second factor gets for its right password; good for five minutes, for `complete` only.
    package func challenge(_ account: Account, now: Timestamp) -> String { tokens.challenge(for: account, now: now) }

    /// Seconds that a challenge is good for.
    package static var challengeSeconds: Int64 { TokenService.challengeSeconds }

    /// Takes a code, or a recovery code, for a challenge.
    package func complete(
        challenge: String,
        code: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> SecondFactorOutcome {
        guard let account = try await account(ofChallenge: challenge, now: now) else { return .noChallenge }
        return try await check(account, code: code, remote: remote, now: now)
    }

    /// Takes a code, or a recovery code, of an account with a confirmed factor.
    package func check(
        _ account: Account,
        code: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> SecondFactorOutcome {
        let kinds = try await store.secondFactorKinds(of: account.id)
        guard !kinds.isEmpty else { return .noChallenge }
        if let wait = await countTry(account.id, now) {
            noteWrong(code, account, remote)
            return .lockedOut(retryAfterSeconds: wait)
        }
        let passed = Self.event("second_factor.passed", account, remote, now)
        let isRight: Bool
        if let recovery = RecoveryCode(code) {
            isRight = try await store.spendRecoveryCode(
                recovery.hash(for: account.id),
                of: account.id,
                audit: [Self.event("second_factor.recovery", account, remote, now), passed]
            )
        } else if kinds.contains(.totp), let factor = try await store.secondFactor(of: account.id),
            let step = matchingStep(code, factor, account.id, now)
        {
            isRight = try await store.spendStep(step, of: account.id, audit: passed)
        } else {
            isRight = false
        }
        guard isRight else {
            await directory.noteAudit(Self.event("second_factor.refused", account, remote, now))
            noteWrong(code, account, remote)
            return .wrongCode
        }
        if let remote { conduct?.note(.signedIn(account.id), of: remote) }
        await limiter.clear(key(account.id))
        return .passed(account)
    }

    // MARK: - Steps

    private func noteWrong(_ code: String, _ account: Account, _ remote: IPAddress?) {
        guard let remote else { return }
        conduct?.note(.failedSignIn(account: account.primaryAddress.canonical, secret: code), of: remote)
    }

    private func key(_ account: AccountID) -> String { "auth.factor:\(account)" }

    /// Seconds to wait; nil when a code may be tried.
    ///
    /// Counts before it is compared, so that many at once do not outrun the limit; a right one forgives those before.
    private func countTry(_ account: AccountID, _ now: Timestamp) async -> Int? {
        let decision = await limiter.count(
            key(account),
            limit: limits.failures,
            windowSeconds: limits.windowSeconds,
            now: now
        )
        guard case .exceeded(let seconds) = decision else { return nil }
        return seconds
    }

    /// The step, near the present one, that this is the code of; every one is compared, in constant time.
    private func matchingStep(_ code: String, _ factor: SecondFactor, _ account: AccountID, _ now: Timestamp) -> Int64?
    {
        guard code.utf8.count <= 16, let secret = open(factor.sealedSecret, account) else { return nil }
        let digits = code.utf8.filter { $0 != 32 }
        let present = TOTP.step(at: now.seconds)
        let steps = (present - SecondFactorLimits.driftSteps)...(present + SecondFactorLimits.driftSteps)
        let matching = steps.filter { constantTimeEqual(Array(TOTP.code(secret, step: $0).utf8), digits) }
        return matching.last
    }

    /// With the account inside, so that a sealed secret is worth nothing in another's row.
    private func seal(_ secret: [UInt8], _ account: AccountID) -> [UInt8] {
        SecretBox.seal(Array("\(account):".utf8) + secret, with: masterKey)
    }

    private func open(_ sealed: [UInt8], _ account: AccountID) -> [UInt8]? {
        guard let plain = try? SecretBox.open(sealed, with: masterKey) else { return nil }
        let head = Array("\(account):".utf8)
        return plain.starts(with: head) ? Array(plain[head.count...]) : nil
    }

    /// Percent-encodes all but what every URI may hold (RFC 3986 §2.3).
    private static func escaped(_ text: String) -> String {
        let hex = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: bytes.append(byte)
            default: bytes += [37, hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
