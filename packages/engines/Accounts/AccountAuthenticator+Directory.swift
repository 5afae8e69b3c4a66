import Logging
import MailModel
package import MailPorts

/// An address and a password that a directory decides on.
struct DirectoryAttempt: Sendable {
    var address: EmailAddress
    var password: String
    var remote: IPAddress?
    var service: String
    var counters: [(key: String, limit: Int)]
    /// Endings that were known before the credential was read.
    var position: Int64
    var now: Timestamp
    /// Who has the address here; nil: nobody who may sign in.
    var account: Account?
    /// Of a password that is kept here.
    var passwordHash: String?
}

/// Domains whose people have their passwords in a directory.
extension AccountAuthenticator {
    /// The directory that decides on a password for the address.
    ///
    /// None does for who stands above the one who set it: their password here is all that opens their account. A provider that is
    /// demanded goes before.
    func directory(
        deciding address: EmailAddress,
        _ account: Account?
    ) async throws(StoreError) -> DirectoryConnection? {
        let domain = account?.primaryAddress.domain ?? address.domain
        guard let connection = try await directories?.connection(covering: domain) else { return nil }
        if let account { return account.role.rank <= connection.setBy.rank ? connection : nil }
        return try await demandingDomain(of: domain) == nil ? connection : nil
    }

    /// The domain whose directory alone has the account's password, if there is one.
    package func directory(demandedOf account: Account) async throws(StoreError) -> String? {
        guard !Self.keepsPassword(account),
            let connection = try await directories?.connection(covering: account.primaryAddress.domain),
            connection.isEnforced, account.role.rank <= connection.setBy.rank
        else { return nil }
        return connection.domain
    }

    /// Whether a directory alone has the passwords of the domain's people.
    package func demandsDirectory(_ domain: String) async throws(StoreError) -> Bool {
        try await directories?.connection(covering: domain)?.isEnforced ?? false
    }

    /// The directory's word, after that of a password which is kept here where that one counts.
    ///
    /// An account, an address without one, and one that the directory does not have all cost one Argon2id, a search and a comparison
    /// there. A directory that does not answer is nobody's failure.
    func decide(_ attempt: DirectoryAttempt, by connection: DirectoryConnection) async -> AuthenticationOutcome {
        // Belongs to this connection as it is now, and to this account.
        let stamp = "directory \(connection.version) \(attempt.account?.id.rawValue ?? 0)"
        if let account = attempt.account,
            directoryCache.contains(attempt.address, attempt.password, passwordHash: stamp, now: attempt.now)
        {
            return await passed(
                SignIn(account: account, credential: .password, position: attempt.position),
                attempt.service,
                attempt.remote,
                attempt.now
            )
        }
        let unanswered = attempt.counters.map { (key: "\($0.key)|unanswered", limit: $0.limit) }
        // Who guesses while the directory is away gets no further than when it is there.
        guard await !isLockedOut(unanswered, attempt.now) else {
            return .lockedOut(retryAfterSeconds: limits.windowSeconds)
        }
        if let outcome = await decideHere(attempt, connection) { return outcome }
        guard let directories else { return .unavailable }
        let verdict: DirectoryVerdict
        do throws(StoreError) {
            verdict = try await ask(directories, attempt, connection)
        } catch {
            logger.error("people of directories unavailable", metadata: ["error": .string("\(error)")])
            return .unavailable
        }
        switch verdict {
        case .right(let account) where !Self.opens(account, attempt):
            return await refuse(
                "directory: the entry is another account's",
                attempt.address,
                attempt.remote,
                attempt.service,
                attempt.counters,
                attempt.now
            )
        case .right(let account):
            if let pair = attempt.counters.first { await limiter.clear(pair.key) }
            if !signIns.hasEnded(account.id, since: attempt.position) {
                directoryCache.insert(
                    attempt.address,
                    attempt.password,
                    passwordHash: "directory \(connection.version) \(account.id.rawValue)",
                    account: account.id,
                    now: attempt.now
                )
            }
            return await passed(
                SignIn(account: account, credential: .password, position: attempt.position),
                attempt.service,
                attempt.remote,
                attempt.now
            )
        case .refused(let why):
            return await refuse(
                "directory: \(why)",
                attempt.address,
                attempt.remote,
                attempt.service,
                attempt.counters,
                attempt.now
            )
        case .unavailable:
            if attempt.passwordHash != nil {
                for (key, limit) in unanswered {
                    _ = await limiter.count(key, limit: limit, windowSeconds: limits.windowSeconds, now: attempt.now)
                }
            }
            return .unavailable
        }
    }

    /// Whose password it is: the account's person's, or that of who has been given a former address of theirs.
    private func ask(
        _ directories: any PeopleDirectories,
        _ attempt: DirectoryAttempt,
        _ connection: DirectoryConnection
    ) async throws(StoreError) -> DirectoryVerdict {
        let primary = attempt.account?.primaryAddress ?? attempt.address
        if primary.canonical != attempt.address.canonical, try await directories.isFormer(attempt.address) {
            let verdict = try await directories.check(
                attempt.password,
                of: attempt.address,
                by: connection,
                remote: attempt.remote,
                now: attempt.now
            )
            guard case .refused = verdict else { return verdict }
        }
        return try await directories.check(
            attempt.password,
            of: primary,
            by: connection,
            remote: attempt.remote,
            now: attempt.now
        )
    }

    /// An account opens by its own addresses, and by one that its person was given at this moment.
    private static func opens(_ account: Account, _ attempt: DirectoryAttempt) -> Bool {
        guard let known = attempt.account else { return true }
        return known.id == account.id || account.primaryAddress.canonical == attempt.address.canonical
    }

    /// By the password that is kept here; nil: the directory decides.
    private func decideHere(
        _ attempt: DirectoryAttempt,
        _ connection: DirectoryConnection
    ) async -> AuthenticationOutcome? {
        guard let account = attempt.account, let hash = attempt.passwordHash,
            !connection.isEnforced || Self.keepsPassword(account)
        else {
            return await spendTime(attempt.password) ? nil : .unavailable
        }
        let signIn = SignIn(account: account, credential: .password, position: attempt.position)
        if !cache.contains(attempt.address, attempt.password, passwordHash: hash, now: attempt.now) {
            do throws(PasswordWork.Failure) {
                guard try await passwords.verify(attempt.password, against: hash) else { return nil }
            } catch {
                logger.warning(
                    "sign-in turned away",
                    metadata: ["service": .string(attempt.service), "error": .string("\(error)")]
                )
                return .unavailable
            }
            if let pair = attempt.counters.first { await limiter.clear(pair.key) }
            let fresh = await rehashed(attempt.password, hash, account.id)
            cache.insert(attempt.address, attempt.password, passwordHash: fresh, now: attempt.now)
        }
        return await passed(signIn, attempt.service, attempt.remote, attempt.now)
    }
}
