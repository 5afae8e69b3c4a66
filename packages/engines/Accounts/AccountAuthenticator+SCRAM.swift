import Logging
import MailCrypto
import MailModel
package import MailPorts
package import SASLMechanisms

/// An outcome that is no success, as an error of `Result`.
struct SignInRefusal: Error {
    let value: AuthenticationOutcome
}

/// SCRAM-SHA-256 over app passwords (RFC 5802, RFC 7677).
extension AccountAuthenticator {
    /// The salt to show: the account's, or for an address without one a made-up that never changes (RFC 5802 §9).
    ///
    /// Every spelling of one address shows the same, and all addresses of one account show its one salt.
    func scramSalt(
        of user: String,
        remote: IPAddress?,
        service: String,
        now: Timestamp
    ) async -> Result<[UInt8], SignInRefusal> {
        let address = EmailAddress(user)
        guard await !isLockedOut(counters(address, remote), now) else {
            count(.lockedOut(retryAfterSeconds: limits.windowSeconds), service)
            return .failure(SignInRefusal(value: .lockedOut(retryAfterSeconds: limits.windowSeconds)))
        }
        guard let salts = mail?.salts else { return .failure(SignInRefusal(value: .unavailable)) }
        guard let address else { return .success(salts.salt(ofUnknown: user)) }
        do throws(StoreError) {
            let found = try await directory.credential(for: address)
            return .success(found.map { salts.salt(of: $0.account.id) } ?? salts.salt(ofUnknown: address.canonical))
        } catch {
            logger.error(
                "directory unavailable",
                metadata: ["service": .string(service), "error": .string("\(error)")]
            )
            return .failure(SignInRefusal(value: .unavailable))
        }
    }

    /// Checks a proof against every app password of the account: the client does not say which it has.
    ///
    /// - Returns: the outcome, and on success the signature that proves the server to the client.
    func check(
        _ proof: SCRAMProof,
        remote: IPAddress?,
        scope: SignInScope,
        now: Timestamp
    ) async -> (outcome: AuthenticationOutcome, serverSignature: [UInt8]?) {
        let (outcome, signature) = await decide(proof, remote, scope, now)
        if case .success(let signIn) = outcome { await trail.signedIn(signIn, scope.rawValue, remote, now) }
        // A proof is another each time, whatever it proves: one account counts once.
        note(outcome, proof.user, "", remote)
        count(outcome, scope.rawValue)
        return (outcome, signature)
    }

    private func decide(
        _ proof: SCRAMProof,
        _ remote: IPAddress?,
        _ scope: SignInScope,
        _ now: Timestamp
    ) async -> (AuthenticationOutcome, [UInt8]?) {
        let position = signIns.position
        let address = EmailAddress(proof.user)
        let counters = counters(address, remote)
        guard await !isLockedOut(counters, now) else {
            return (.lockedOut(retryAfterSeconds: limits.windowSeconds), nil)
        }
        do throws(StoreError) {
            var account: Account?
            if let address { account = try await directory.credential(for: address)?.account }
            // Whether there is such an account or not, the same is done.
            let known = try await credentials.scramKeys(of: account?.id ?? AccountID(0))
            let right = known.first { Self.isProven(proof, by: $0.keys) && $0.password.scopes.contains(scope) }
            guard let account, account.status == .active, let right else {
                return (await refuse("wrong proof", address, remote, scope.rawValue, counters, now), nil)
            }
            await noteUse(of: right.password, remote, now)
            if let pair = counters.first { await limiter.clear(pair.key) }
            let signIn = SignIn(account: account, credential: .appPassword(right.password.id), position: position)
            return (.success(signIn), HMACSHA256.authenticate(proof.message, key: right.keys.server))
        } catch {
            logger.error(
                "app passwords unavailable",
                metadata: ["service": .string(scope.rawValue), "error": .string("\(error)")]
            )
            return (.unavailable, nil)
        }
    }

    /// RFC 5802 §3: `StoredKey` is the hash of `ClientKey`, which is `ClientProof` XOR `ClientSignature`.
    package static func isProven(_ proof: SCRAMProof, by keys: SCRAMKeys) -> Bool {
        let signature = HMACSHA256.authenticate(proof.message, key: keys.stored)
        guard proof.proof.count == signature.count else { return false }
        return constantTimeEqual(SHA256.hash(zip(proof.proof, signature).map { $0 ^ $1 }), keys.stored)
    }
}
