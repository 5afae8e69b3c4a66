package import Accounts
package import HTTPKit
package import MailCrypto
package import MailModel
package import MailPorts

/// Answers kept in the store, sealed with the master key: some hold secrets that are shown once.
package struct StoredAnswers: AnswerKeeping {
    /// Octets of an answer that is kept; of a larger one only that the request was done.
    package static let largestAnswer = 64 << 10
    /// How long a change waits for its turn.
    static let longestWait = Duration.seconds(5)
    private static let pause = Duration.milliseconds(20)

    private let store: any KeptAnswerStore
    private let masterKey: MasterKey
    private let clock: any WallClock
    private let limits: KeptAnswerLimits

    package init(
        store: any KeptAnswerStore,
        masterKey: MasterKey,
        clock: any WallClock,
        limits: KeptAnswerLimits = KeptAnswerLimits()
    ) {
        self.store = store
        self.masterKey = masterKey
        self.clock = clock
        self.limits = limits
    }

    package func begin(_ key: AnswerKey) async throws -> AnswerClaim {
        let ticket = SecureRandom.bytes(16)
        return switch try await store.beginAnswer(key.stored, ticket: ticket, limits: limits, now: clock.now()) {
        case .begun: .begun(ticket: ticket)
        case .running: .running
        case .differs: .differs
        case .done(let sealed): .done(sealed.flatMap { open($0, key) })
        case .full: .full(retryAfterSeconds: Int(min(limits.keepSeconds, 3_600)))
        }
    }

    package func keep(_ answer: APIResponse, of key: AnswerKey, ticket: [UInt8]) async throws {
        let plain = try answer.keep()
        // The key in front: a row that was moved to another request does not open.
        let sealed =
            plain.count > Self.largestAnswer ? nil : SecretBox.seal(key.hash + key.fingerprint + plain, with: masterKey)
        let until = clock.now().adding(seconds: limits.keepSeconds)
        try await store.keepAnswer(sealed, of: key.stored, ticket: ticket, until: until)
    }

    package func forget(_ key: AnswerKey, ticket: [UInt8]) async throws {
        try await store.forgetAnswer(key.stored, ticket: ticket)
    }

    /// nil: sealed with another master key, or damaged.
    private func open(_ sealed: [UInt8], _ key: AnswerKey) -> APIResponse? {
        let mark = key.hash + key.fingerprint
        guard let plain = try? SecretBox.open(sealed, with: masterKey), plain.starts(with: mark) else { return nil }
        return try? APIResponse(kept: Array(plain.dropFirst(mark.count)))
    }

    package func inTurn<Value: Sendable>(
        _ name: [UInt8],
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value? {
        let key = KeptAnswerKey(account: .system, hash: name, fingerprint: [])
        let ticket = SecureRandom.bytes(16)
        var unbounded = limits
        unbounded.perAccount = .max - 1
        let deadline = ContinuousClock.now + Self.longestWait
        while try await store.beginAnswer(key, ticket: ticket, limits: unbounded, now: clock.now()) != .begun {
            guard ContinuousClock.now < deadline else { return nil }
            try await Task.sleep(for: Self.pause)
        }
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        // Of a turn that cannot be given back the next waits until it is over by time.
        try? await store.forgetAnswer(key, ticket: ticket)
        return try outcome.get()
    }
}

extension AnswerKey {
    fileprivate var stored: KeptAnswerKey {
        KeptAnswerKey(account: AccountID(principal), hash: hash, fingerprint: fingerprint)
    }
}

extension Account: RequestPrincipal {
    package var principalID: Int64 { id.rawValue }
}

extension SignedIn: RequestPrincipal {
    package var principalID: Int64 { account.id.rawValue }
}
