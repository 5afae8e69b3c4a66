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
        let conversation = SASLConversation(
            known,
            backend.authenticator,
            scope: .smtp,
            remote: info.remote,
            clock: backend.clock
        )
        tasks?.run {
            await conversation.start(response?.bytes)
        } then: { [self] in
            take($0.0, $0.1)
        }
    }

    func respond(_ response: SensitiveBytes) {
        guard let conversation else { return machine.authOutcome(.refused(.badCredentials)) }
        self.conversation = nil
        tasks?.run {
            await conversation.respond(response.bytes)
        } then: { [self] in
            take($0.0, $0.1)
        }
    }

    private func take(_ answer: SASLAnswer, _ conversation: SASLConversation) {
        userTried = conversation.user
        switch answer {
        case .challenge(let challenge):
            self.conversation = conversation
            userTried = nil
            machine.authChallenge(challenge)
        case .malformed, .actingAsAnother: machine.authOutcome(.refused(.badCredentials))
        case .decided(let outcome): self.answer(outcome)
        }
        pump()
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
        case .appPasswordNeeded, .secondFactorNeeded, .enrolmentNeeded, .providerNeeded:
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
