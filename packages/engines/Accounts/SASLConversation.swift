import MailCrypto
package import MailModel
package import MailPorts
package import SASLMechanisms

/// What a mail protocol does next in an authentication.
package enum SASLAnswer: Sendable {
    /// Send it, and give the client's answer to `respond`.
    case challenge([UInt8])
    case decided(AuthenticationOutcome)
    /// The client's octets are not the mechanism's.
    case malformed
    /// The client wants to act as somebody else.
    case actingAsAnother
}

/// One authentication of a mail client from its first octets to the decision, the same for SMTP, IMAP and others.
///
/// Octets in and out are decoded. A copy is one's own: the connection keeps the one that it got back last.
package struct SASLConversation: Sendable {
    private let authenticator: AccountAuthenticator
    private let remote: IPAddress?
    private let scope: SignInScope
    private let clock: any WallClock
    private var exchange: SASLExchange
    /// A proof that was right, while the client takes the server's.
    private var signIn: SignIn?
    /// Whom the client named, for logs.
    package private(set) var user: String?

    package init(
        _ mechanism: SASLServerMechanism,
        _ authenticator: AccountAuthenticator,
        scope: SignInScope,
        remote: IPAddress?,
        clock: any WallClock
    ) {
        self.authenticator = authenticator
        self.remote = remote
        self.scope = scope
        self.clock = clock
        exchange = SASLExchange(mechanism)
    }

    /// `initialResponse` nil: the client sent none; empty: it sent an empty one.
    package func start(_ initialResponse: [UInt8]?) async -> (SASLAnswer, SASLConversation) {
        var next = self
        let answer = await next.take(next.exchange.start(initialResponse: initialResponse))
        return (answer, next)
    }

    package func respond(_ response: [UInt8]) async -> (SASLAnswer, SASLConversation) {
        var next = self
        let answer = await next.take(next.exchange.respond(response))
        return (answer, next)
    }

    private mutating func take(_ step: SASLExchange.Step) async -> SASLAnswer {
        switch step {
        case .challenge(let challenge): return .challenge(challenge)
        case .credentials(.some, _, _), .salt(.some, _): return .actingAsAnother
        case .credentials(nil, let user, let password):
            self.user = user
            return .decided(
                await authenticator.authenticate(
                    user: user,
                    password: password.text,
                    remote: remote,
                    service: scope.rawValue,
                    now: clock.now()
                )
            )
        case .salt(nil, let user):
            self.user = user
            switch await authenticator.scramSalt(of: user, remote: remote, service: scope.rawValue, now: clock.now()) {
            case .failure(let outcome): return .decided(outcome.value)
            case .success(let salt):
                return await take(
                    exchange.challenge(
                        salt: salt,
                        iterations: AppSecret.scramIterations,
                        nonce: Array(Base64URL.encode(SecureRandom.bytes(18)).utf8)
                    )
                )
            }
        case .proof(let proof):
            let checked = await authenticator.check(proof, remote: remote, scope: scope, now: clock.now())
            guard case .success(let signIn) = checked.outcome, let signature = checked.serverSignature else {
                return .decided(checked.outcome)
            }
            self.signIn = signIn
            return await take(exchange.proven(serverSignature: signature))
        case .completed: return .decided(signIn.map { .success($0) } ?? .invalid)
        case .token(let authorization, let token):
            user = authorization
            let (outcome, refusal) = await authenticator.authenticate(
                token: token.text,
                as: authorization,
                remote: remote,
                scope: scope,
                now: clock.now()
            )
            guard case .invalid = outcome else { return .decided(outcome) }
            return await take(exchange.refusedToken(refusal))
        case .failed(.refusedToken): return .decided(.invalid)
        case .failed: return .malformed
        }
    }
}
