import Logging
package import MailCrypto
package import MailModel
package import MailPorts

/// How long keys of tokens live.
package struct TokenKeyLimits: Sendable {
    /// From the making of a key until it signs: long enough for every process and every client to have read it.
    package var publishSeconds: Int64 = 900
    /// Age at which a key gets a successor; nil: by hand only.
    package var rotationSeconds: Int64? = 7_776_000
    /// How long a retired key is kept: the life of the longest token that it signed, and the difference of clocks.
    package var retireSeconds: Int64 = 3_700
    package init() {}
}

/// What a key does at a moment.
package enum TokenKeyState: String, Sendable {
    case published, signing, retired
}

/// Makes the keys that sign tokens, and ends them.
package struct TokenKeyMaker: Sendable {
    package let store: any TokenKeyStore
    private let masterKey: MasterKey
    package let limits: TokenKeyLimits

    package init(store: any TokenKeyStore, masterKey: MasterKey, limits: TokenKeyLimits = TokenKeyLimits()) {
        self.store = store
        self.masterKey = masterKey
        self.limits = limits
    }

    /// nil when it was not sealed with this master key.
    func open(_ key: TokenKey) -> TokenSigningKey? {
        guard let plain = try? SecretBox.open(key.sealedKey, with: masterKey) else { return nil }
        return try? TokenSigningKey(algorithm: key.algorithm.rawValue, privateBytes: plain)
    }

    // MARK: - Making

    /// The first key for access tokens: that of earlier releases, which go on signing with it during an update.
    func adoptSecret(of sessions: any SessionStore, now: Timestamp) async throws(StoreError) {
        guard try await !store.tokenKeys().contains(where: { $0.algorithm == .edDSA }) else { return }
        let sealed = try await sessions.platformSecret("token-signing-key") {
            SecretBox.seal(Ed25519PrivateKey().seed, with: masterKey)
        }
        guard let seed = try? SecretBox.open(sealed, with: masterKey), let key = Ed25519PrivateKey(seed: seed),
            let id = try? TokenSigningKey.edDSA(key).identifier()
        else {
            throw .refused("the token key in the store was not sealed with this master key")
        }
        let row = TokenKey(id: id, algorithm: .edDSA, sealedKey: sealed, createdAt: now, signsFrom: now)
        _ = try await store.addTokenKey(row, unlessMadeAfter: Self.ever, replacing: false, audit: nil)
    }

    /// Before every key.
    private static let ever = Timestamp(seconds: 0)

    func makeFirst(_ algorithm: TokenAlgorithm, now: Timestamp) async throws(StoreError) {
        let key = try make(algorithm, signsFrom: now, now: now)
        _ = try await store.addTokenKey(key, unlessMadeAfter: Self.ever, replacing: false, audit: nil)
    }

    private func make(
        _ algorithm: TokenAlgorithm,
        signsFrom: Timestamp,
        now: Timestamp
    ) throws(StoreError) -> TokenKey {
        do throws(CryptoError) {
            let made: TokenSigningKey =
                switch algorithm {
                case .edDSA: .makeEdDSA()
                case .es256: try .makeES256()
                case .rs256: try .makeRS256()
                }
            return TokenKey(
                id: try made.identifier(),
                algorithm: algorithm,
                sealedKey: SecretBox.seal(try made.privateBytes(), with: masterKey),
                createdAt: now,
                signsFrom: signsFrom
            )
        } catch {
            throw .refused("a key could not be made")
        }
    }

    // MARK: - Rotation

    /// Makes a successor of every key that signs.
    ///
    /// - Parameter immediately: for keys that others may know: the new ones sign at once, and what the old ones signed is
    ///   worth nothing any more.
    /// - Returns: the new keys.
    package func rotate(
        immediately: Bool,
        actor: String,
        now: Timestamp
    ) async throws(StoreError) -> [TokenKey] {
        var made: [TokenKey] = []
        let known = Set(try await store.tokenKeys().map(\.algorithm))
        for algorithm in TokenAlgorithm.allCases where known.contains(algorithm) {
            let from = immediately ? now : now.adding(seconds: limits.publishSeconds)
            let key = try make(algorithm, signsFrom: from, now: now)
            _ = try await store.addTokenKey(
                key,
                unlessMadeAfter: nil,
                replacing: immediately,
                audit: event(key, actor, isAtOnce: immediately, now)
            )
            made.append(key)
        }
        return made
    }

    private func event(_ key: TokenKey, _ actor: String, isAtOnce: Bool, _ now: Timestamp) -> AuditEvent {
        AuditEvent(
            at: now,
            actor: actor,
            action: isAtOnce ? "token_key.replace" : "token_key.rotate",
            subject: "token-key:\(key.id)",
            detail: AuditDetail().adding("algorithm", key.algorithm.rawValue).adding(
                "signs_from",
                key.signsFrom.seconds
            ).text
        )
    }

    /// Rotates keys that are old enough, and forgets those that were retired long enough ago.
    ///
    /// Any process may do it at any time: of several, one rotates.
    package func upkeep(now: Timestamp) async throws(StoreError) {
        for (newest, age) in try await due(now) {
            let key = try make(newest, signsFrom: now.adding(seconds: limits.publishSeconds), now: now)
            _ = try await store.addTokenKey(
                key,
                unlessMadeAfter: now.adding(seconds: -age),
                replacing: false,
                audit: event(key, "system", isAtOnce: false, now)
            )
        }
        let keys = try await store.tokenKeys()
        let gone = keys.filter { key in
            guard let end = Self.retired(key, among: keys) else { return false }
            return end.adding(seconds: limits.retireSeconds) <= now
        }
        try await store.removeTokenKeys(
            gone.map(\.id),
            audit: AuditEvent(at: now, actor: "system", action: "token_key.remove", subject: "")
        )
    }

    private func due(_ now: Timestamp) async throws(StoreError) -> [(TokenAlgorithm, age: Int64)] {
        guard let age = limits.rotationSeconds else { return [] }
        let keys = try await store.tokenKeys()
        return TokenAlgorithm.allCases.filter { algorithm in
            guard let newest = keys.filter({ $0.algorithm == algorithm }).map(\.createdAt).max() else { return false }
            return newest.adding(seconds: age) <= now
        }.map { ($0, age) }
    }

    /// When its successor begins to sign; nil: it has none.
    private static func retired(_ key: TokenKey, among keys: [TokenKey]) -> Timestamp? {
        keys.filter { $0.algorithm == key.algorithm && $0.signsFrom > key.signsFrom }.map(\.signsFrom).min()
    }

    package static func state(of key: TokenKey, among keys: [TokenKey], now: Timestamp) -> TokenKeyState {
        if key.signsFrom > now { return .published }
        return retired(key, among: keys).map { $0 <= now } ?? false ? .retired : .signing
    }
}
