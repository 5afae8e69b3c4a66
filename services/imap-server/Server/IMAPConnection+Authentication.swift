import Accounts
import ByteParsing
import IMAPWire
import Logging
import MailModel
import MailPorts
import NIOCore
import NIOSSL
import NetKit
import SASLMechanisms

extension IMAPConnection {
    /// RFC 9051 §6.2.1.
    ///
    /// Octets that came behind the command end the connection: they would count as protected.
    func startTLS(_ command: TaggedCommand) {
        guard !isTLS else { return wrong(command.tag, "TLS is active already") }
        guard account == nil else { return wrong(command.tag, "STARTTLS comes before signing in") }
        guard !framer.hasBufferedInput, waitingEvent == nil else {
            logger.notice("octets behind STARTTLS", metadata: ["remote": "\(info.remote)"])
            return close()
        }
        answer(command) { _ in () }
        guard let context else { return }
        do {
            try context.pipeline.syncOperations.addHandler(
                NIOSSLServerHandler(context: services.tls.context()),
                position: .first
            )
            isTLS = true
        } catch {
            logger.error("TLS cannot be started", metadata: ["error": "\(error)"])
            close()
        }
    }

    /// RFC 9051 §6.2.3.
    func login(_ tag: String, _ user: [UInt8], _ password: [UInt8]) {
        guard mayAuthenticate(tag) else { return }
        guard let user = String(validating: user, as: UTF8.self), let text = String(validating: password, as: UTF8.self)
        else {
            return wrong(tag, "User and password are UTF-8")
        }
        check(tag, user: user, password: Secret(text))
    }

    private func mayAuthenticate(_ tag: String) -> Bool {
        guard account == nil else {
            wrong(tag, "Signed in already")
            return false
        }
        guard takesPasswords else {
            services.count("LOGIN", "no")
            // RFC 5530 §3.
            write { $0.status(tag, .no, code: "PRIVACYREQUIRED", "Start TLS first") }
            return false
        }
        return true
    }

    /// RFC 9051 §6.2.2.
    func authenticate(_ tag: String, _ name: String, _ response: [UInt8]?) {
        guard mayAuthenticate(tag) else { return }
        guard let mechanism = SASLServerMechanism(name: name) else {
            return write { $0.status(tag, .no, code: "CANNOT", "That mechanism is not supported") }
        }
        let conversation = SASLConversation(
            mechanism,
            services.authenticator,
            scope: .imap,
            remote: info.remote,
            clock: services.clock
        )
        activity = .running
        tasks?.run {
            await conversation.start(response)
        } then: { [self] in
            take($0.0, $0.1, tag)
        }
    }

    func authenticationAnswer(_ event: IMAPFramer.Event, _ conversation: SASLConversation, _ tag: String) {
        guard case .line(let line) = event else { return close() }
        framer.isLineMode = false
        activity = .ready
        guard line != [ASCII.star] else { return write { $0.status(tag, .bad, "AUTHENTICATE cancelled") } }
        guard let response = Base64.decode(line) else { return wrong(tag, "Expected base 64") }
        activity = .running
        tasks?.run {
            await conversation.respond(response)
        } then: { [self] in
            take($0.0, $0.1, tag)
        }
    }

    private func take(_ answer: SASLAnswer, _ conversation: SASLConversation, _ tag: String) {
        switch answer {
        case .challenge(let challenge):
            framer.isLineMode = true
            activity = .authenticating(conversation, tag: tag)
            write { $0.continuation(String(decoding: Base64.encode(challenge), as: UTF8.self)) }
            proceed()
        case .actingAsAnother:
            activity = .ready
            write { $0.status(tag, .no, code: "AUTHORIZATIONFAILED", "Nobody may act as another") }
            proceed()
        case .malformed:
            activity = .ready
            wrong(tag, "That is no answer of the mechanism")
            proceed()
        case .decided(let outcome): decided(tag, outcome)
        }
    }

    private func check(_ tag: String, user: String, password: Secret) {
        activity = .running
        tasks?.run { [services, info] in
            await services.authenticator.authenticate(
                user: user,
                password: password.text,
                remote: info.remote,
                service: "imap",
                now: services.clock.now()
            )
        } then: { [self] in
            decided(tag, $0)
        }
    }

    private func decided(_ tag: String, _ outcome: AuthenticationOutcome) {
        switch outcome {
        case .success(let signIn): signedIn(tag, signIn)
        // HTTP's own; a mail protocol is told to use an app password.
        case .appPasswordNeeded, .secondFactorNeeded, .enrolmentNeeded, .providerNeeded:
            failed(tag, "The password alone is not enough here: sign in with an app password")
        case .invalid: failed(tag, "The address or the password is wrong")
        case .lockedOut: failed(tag, "Too many failures; try again later")
        case .unavailable:
            activity = .ready
            write { $0.status(tag, .no, code: "UNAVAILABLE", "Signing in is not possible now; try again") }
            proceed()
        }
    }

    private func signedIn(_ tag: String, _ signIn: SignIn) {
        activity = .ready
        guard let loop = context?.eventLoop else { return }
        let account = signIn.account
        guard services.admit(account.id) else {
            services.count("LOGIN", "no")
            write { $0.status(tag, .no, code: "LIMIT", "The account has too many sessions") }
            return proceed()
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let ticket = services.authenticator.signIns.enter(signIn) {
            loop.execute { bound.value.end(saying: "The password of this session is no longer good; sign in again") }
        }
        guard let ticket else {
            services.leave(account.id)
            services.count("LOGIN", "no")
            write { $0.status(tag, .no, code: "AUTHENTICATIONFAILED", "The address or the password is wrong") }
            return proceed()
        }
        self.ticket = ticket
        self.account = account.id
        address = account.primaryAddress
        session?.account = account.id
        logger[metadataKey: "account"] = "\(account.primaryAddress.canonical)"
        logger.info("signed in", metadata: ["remote": "\(info.remote)", "tls": "\(isTLS)"])
        services.count("LOGIN", "ok")
        touch()
        write { $0.status(tag, .ok, code: "CAPABILITY \(capabilities)", "Signed in") }
        proceed()
    }

    /// Answered late, so that guessing is slow; the last failure ends the session.
    private func failed(_ tag: String, _ text: String) {
        services.count("LOGIN", "no")
        authenticationFailures += 1
        let isLast = authenticationFailures >= services.configuration.maximumAuthenticationFailures
        context?.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(services.configuration.failureDelay)) {
            [weak self] in
            guard let self, case .running = activity else { return }
            activity = .ready
            write { $0.status(tag, .no, code: "AUTHENTICATIONFAILED", text) }
            if isLast { return bye("Too many failed sign-ins") }
            proceed()
        }
    }
}
