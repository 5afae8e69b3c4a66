import Logging
import MailModel
import MailPorts
import SASLMechanisms

/// What signing in to mail protocols needs beside passwords.
package struct MailSignIns: Sendable {
    package var salts: SCRAMSalts
    package var tokens: TokenService
    /// Sessions of other programs; nil where the platform is no provider.
    package var clients: ClientSessions?
    package init(salts: SCRAMSalts, tokens: TokenService, clients: ClientSessions? = nil) {
        (self.salts, self.tokens, self.clients) = (salts, tokens, clients)
    }

    /// Whether it is an access token of the platform's own, good or not.
    func hasSigned(_ token: String) -> Bool {
        tokens.keys.verify(token, .edDSA) != nil || tokens.keys.verify(token, .edDSA, type: ClientClaims.type) != nil
    }

    /// What a client reads whose token is not good.
    func refusal(_ scope: SignInScope, lacksScope: Bool) -> TokenRefusal {
        guard let clients else { return TokenRefusal() }
        return TokenRefusal(
            lacksScope: lacksScope,
            scope: scope.rawValue,
            configuration: clients.limits.issuer + "/.well-known/openid-configuration"
        )
    }
}

/// Signing in by access token (RFC 7628).
extension AccountAuthenticator {
    /// Whom a token speaks for.
    private enum Bearer {
        case signedIn(Account, family: String)
        case lacksScope
        case unknown
    }

    /// Takes an access token of the platform's own sessions, which stands for the whole account as it does over HTTP, or one
    /// of a client that was allowed this protocol.
    ///
    /// The session that it came from is the sign-in's credential: when that is revoked, the mail session ends.
    func authenticate(
        token: String,
        as user: String?,
        remote: IPAddress?,
        scope: SignInScope,
        now: Timestamp
    ) async -> (outcome: AuthenticationOutcome, refusal: TokenRefusal) {
        let (outcome, lacksScope) = await decide(token, user, remote, scope, now)
        if case .success(let signIn) = outcome {
            await trail.signedIn(signIn, scope.rawValue, remote, now)
            note(outcome, user ?? "", token, remote)
        } else if mail?.hasSigned(token) != true {
            // One that is over counts nothing: programs try theirs until it is refused, and have another each time.
            note(outcome, user ?? "", token, remote)
        }
        count(outcome, scope.rawValue)
        return (outcome, mail?.refusal(scope, lacksScope: lacksScope) ?? TokenRefusal())
    }

    private func decide(
        _ token: String,
        _ user: String?,
        _ remote: IPAddress?,
        _ scope: SignInScope,
        _ now: Timestamp
    ) async -> (AuthenticationOutcome, lacksScope: Bool) {
        let position = signIns.position
        let address = user.flatMap { EmailAddress($0) }
        let counters = counters(address, remote)
        guard await !isLockedOut(counters, now) else {
            return (.lockedOut(retryAfterSeconds: limits.windowSeconds), false)
        }
        guard let mail else { return (.unavailable, false) }
        func refused(_ why: String, lacksScope: Bool = false) async -> (AuthenticationOutcome, lacksScope: Bool) {
            (await refuse(why, address, remote, scope.rawValue, counters, now), lacksScope)
        }
        do throws(StoreError) {
            let account: Account
            let family: String
            switch try await bearer(token, mail, scope, now) {
            case .signedIn(let found, let session): (account, family) = (found, session)
            case .lacksScope: return await refused("token not for \(scope.rawValue)", lacksScope: true)
            case .unknown: return await refused("token not good")
            }
            // RFC 7628 §3.1: the account that the client means; a token speaks for its own alone.
            if user != nil {
                let named: AccountID?
                if let address { named = try await directory.credential(for: address)?.account.id } else { named = nil }
                guard named == account.id else { return await refused("token of another account") }
            }
            return (.success(SignIn(account: account, credential: .session(family), position: position)), false)
        } catch {
            logger.error(
                "sessions unavailable",
                metadata: ["service": .string(scope.rawValue), "error": .string("\(error)")]
            )
            return (.unavailable, false)
        }
    }

    private func bearer(
        _ token: String,
        _ mail: MailSignIns,
        _ scope: SignInScope,
        _ now: Timestamp
    ) async throws(StoreError) -> Bearer {
        if let session = try await mail.tokens.session(ofAccessToken: token, now: now) {
            return .signedIn(session.account, family: session.family)
        }
        guard let clients = mail.clients, let signIn = try await clients.signIn(ofToken: token, now: now) else {
            return .unknown
        }
        guard signIn.claims.scopes.contains(scope.rawValue) else { return .lacksScope }
        return .signedIn(signIn.account, family: signIn.claims.family)
    }
}
