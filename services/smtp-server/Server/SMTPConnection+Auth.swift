import Accounts
import Logging
import MailModel
import MailPorts
import NIOCore
import NetKit
import SASLMechanisms
import SMTPWire

/// AUTH.
extension SMTPConnection {
    func authenticate(_ mechanism: String, _ response: SensitiveBytes?) {
        guard let known = SASLServerMechanism(name: mechanism) else {
            return machine.authOutcome(.refused(.unknownMechanism))
        }
        var exchange = SASLExchange(known)
        take(exchange.start(initialResponse: response?.bytes), exchange)
    }

    func respond(_ response: SensitiveBytes) {
        guard var exchange else { return machine.authOutcome(.refused(.badCredentials)) }
        take(exchange.respond(response.bytes), exchange)
    }

    private func take(_ step: SASLExchange.Step, _ exchange: SASLExchange) {
        self.exchange = nil
        userTried = nil
        switch step {
        case .challenge(let challenge):
            self.exchange = exchange
            machine.authChallenge(challenge)
        case .failed, .credentials(.some, _, _):
            machine.authOutcome(.refused(.badCredentials))
        case .credentials(nil, let user, let password):
            userTried = user
            let (authenticator, remote, now) = (backend.authenticator, info.remote, backend.clock.now())
            tasks?.run {
                await authenticator.authenticate(
                    user: user,
                    password: password.text,
                    remote: remote,
                    service: "smtp",
                    now: now
                )
            } then: { [self] outcome in
                answer(outcome)
                pump()
            }
        }
    }

    private func answer(_ outcome: AuthenticationOutcome) {
        switch outcome {
        case .success(let signIn):
            guard let context else { return }
            let (account, loop) = (signIn.account, context.eventLoop)
            let bound = NIOLoopBound(self, eventLoop: loop)
            let entered = backend.authenticator.signIns.enter(signIn) { loop.execute { bound.value.endSignIn() } }
            guard let entered else { return machine.authOutcome(.refused(.badCredentials)) }
            ticket = entered
            self.account = account
            logger.info("signed in", metadata: ["account": "\(account.id)", "remote": "\(info.remote)"])
            machine.authOutcome(.accepted)
        // HTTP's own; a mail protocol is told to use an app password.
        case .appPasswordNeeded, .secondFactorNeeded:
            machine.authOutcome(.refused(.appPasswordNeeded))
        case .invalid:
            machine.authOutcome(.refused(.badCredentials))
        case .lockedOut:
            machine.authOutcome(.refused(.tooManyFailedSignIns))
        case .unavailable:
            machine.authOutcome(.unavailable(.authUnavailable(info.session)))
        }
    }

    /// The password was revoked: a message under way is finished, then the connection ends.
    private func endSignIn() {
        farewell = .signInEnded
        pump()
    }

    func signOut() {
        if let ticket { backend.authenticator.signIns.leave(ticket) }
        ticket = nil
        account = nil
    }
}
