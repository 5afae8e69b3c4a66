import Logging
package import MailCrypto
package import MailModel
package import MailPorts
import Synchronization

/// The keys that sign tokens, as this process knows them: read from the store anew at intervals, and sooner when a token
/// names a key that is not known.
///
/// Invariants: a key that the store forgot verifies nothing once it is noticed; while the store is away those known last
/// hold; a token is verified by the algorithm of its key, never by one that it names.
package final class TokenKeyRing: Sendable {
    private struct Known {
        var key: TokenKey
        var signer: TokenSigningKey
    }

    private struct State {
        var known: [Known]
        var readAt: ContinuousClock.Instant?
    }

    /// Between two readings that unknown keys may cause.
    private static let soonest = Duration.seconds(1)

    package let maker: TokenKeyMaker?
    private let interval: Duration
    private let logger: Logger
    private let state: Mutex<State>

    /// With the keys of the store; the first is made there, or is the one that earlier releases kept among the platform's
    /// secrets.
    ///
    /// - Parameter interval: how often keys are read anew.
    package static func load(
        maker: TokenKeyMaker,
        sessions: any SessionStore,
        interval: Duration,
        now: Timestamp
    ) async throws(StoreError) -> TokenKeyRing {
        let ring = TokenKeyRing(maker: maker, interval: interval)
        try await maker.adoptSecret(of: sessions, now: now)
        try await ring.read(isStrict: true)
        return ring
    }

    private init(maker: TokenKeyMaker, interval: Duration) {
        self.maker = maker
        self.interval = interval
        logger = Logger(label: "keys")
        state = Mutex(State(known: []))
    }

    /// Of one key, without a store.
    package init(_ key: Ed25519PrivateKey) {
        maker = nil
        interval = .zero
        logger = Logger(label: "keys")
        let signer = TokenSigningKey.edDSA(key)
        let id = Base64URL.encode(Array(SHA256.hash(key.publicKey)[..<9]))
        let past = Timestamp(seconds: 0)
        let row = TokenKey(id: id, algorithm: .edDSA, sealedKey: [], createdAt: past, signsFrom: past)
        state = Mutex(State(known: [Known(key: row, signer: signer)]))
    }

    // MARK: - Reading

    /// Reads anew what is due; to be called before keys are used.
    package func refresh() async {
        guard maker != nil, isDue(interval) else { return }
        try? await read(isStrict: false)
    }

    private func isDue(_ interval: Duration) -> Bool {
        let now = ContinuousClock.now
        // One reads for all that ask meanwhile; they take what was known.
        return state.withLock { state in
            if let last = state.readAt, now - last < interval { return false }
            state.readAt = now
            return true
        }
    }

    private func read(isStrict: Bool) async throws(StoreError) {
        guard let maker else { return }
        let rows: [TokenKey]
        do throws(StoreError) {
            rows = try await maker.store.tokenKeys()
        } catch {
            logger.warning("token keys not read; those known hold", metadata: ["error": .string("\(error)")])
            throw error
        }
        let before = state.withLock { $0.known }
        var known: [Known] = []
        for row in rows {
            if let same = before.first(where: { $0.key.id == row.id }) {
                known.append(Known(key: row, signer: same.signer))
            } else if let signer = maker.open(row) {
                known.append(Known(key: row, signer: signer))
            } else {
                logger.error("a token key is not sealed with this master key", metadata: ["key": .string(row.id)])
                if isStrict { throw .refused("the token key in the store was not sealed with this master key") }
            }
        }
        // Whoever has none that signs keeps what it had.
        guard known.contains(where: { $0.key.algorithm == .edDSA }) else { return }
        state.withLock { $0.known = known }
    }

    // MARK: - Signing

    /// What signs with that algorithm now; nil: there is no such key.
    package func signer(_ algorithm: TokenAlgorithm, type: String = "JWT", now: Timestamp) -> CompactJWS? {
        let own = state.withLock { $0.known }.filter { $0.key.algorithm == algorithm }
        // The first of all signs before its time, rather than none.
        let chosen = own.last { $0.key.signsFrom <= now } ?? own.first
        return chosen.map { CompactJWS(key: $0.signer, keyID: $0.key.id, type: type) }
    }

    /// The same, made when there is none yet.
    package func signerMaking(
        _ algorithm: TokenAlgorithm,
        type: String = "JWT",
        now: Timestamp
    ) async throws(StoreError) -> CompactJWS? {
        await refresh()
        if let signer = signer(algorithm, type: type, now: now) { return signer }
        guard let maker else { return nil }
        try await maker.makeFirst(algorithm, now: now)
        try await read(isStrict: false)
        return signer(algorithm, type: type, now: now)
    }

    // MARK: - Verifying

    /// The payload of a token of this type that one of the keys signed with that algorithm; nil for every other text.
    package func verify(_ token: String, _ algorithm: TokenAlgorithm, type: String = "JWT") -> [UInt8]? {
        let own = state.withLock { $0.known }.filter { $0.key.algorithm == algorithm }
        for known in own {
            let jws = CompactJWS(key: known.signer, keyID: known.key.id, type: type)
            if let payload = jws.verify(token) { return payload }
        }
        return nil
    }

    /// The same; a token of none of the keys has them read anew, at most once a second.
    package func verifyAnew(_ token: String, _ algorithm: TokenAlgorithm, type: String = "JWT") async -> [UInt8]? {
        await refresh()
        if let payload = verify(token, algorithm, type: type) { return payload }
        guard maker != nil, token.utf8.count <= 8_192, token.utf8.count(where: { $0 == 46 }) == 2,
            isDue(Self.soonest)
        else { return nil }
        try? await read(isStrict: false)
        return verify(token, algorithm, type: type)
    }

    /// The public keys as a JWK set (RFC 7517 §5): those that will sign, sign, and have signed.
    ///
    /// Read from the store each time: another process may have made and used the first of its kind a moment ago, and a
    /// client that does not find it refuses the token.
    package func keySet() async -> String {
        if maker != nil { try? await read(isStrict: false) }
        let keys = state.withLock { $0.known }.compactMap { try? $0.signer.publicJWK(keyID: $0.key.id) }
        return #"{"keys":[\#(keys.joined(separator: ","))]}"#
    }
}
