import IMAPWire
import Logging
import MailModel
import MailPorts
import MailboxEngine
import NIOCore
import NetKit

extension IMAPConnection {
    /// Acts on what has come, as far as it may be acted on now.
    func proceed() {
        // A write may tell at once that the client reads again.
        guard !isProceeding else { return }
        isProceeding = true
        defer {
            isProceeding = false
            resumeReading()
        }
        while clientReads {
            switch activity {
            case .running, .closing: return
            case .ready:
                if let farewell { return bye(farewell) }
                guard let event = take() else { return }
                handle(event)
            case .appending:
                guard waitingEvent == nil, let event = framer.next() else { return }
                gather(event)
            case .authenticating(let conversation, let tag):
                guard let event = take() else { return }
                authenticationAnswer(event, conversation, tag)
            case .idling(let tag):
                // It may have come while news were read.
                if let farewell { return bye(farewell) }
                if hasNews {
                    tellNews(tag)
                } else {
                    guard let event = take() else { return }
                    endIdle(event, tag)
                }
            }
        }
    }

    private func take() -> IMAPFramer.Event? {
        defer { waitingEvent = nil }
        return waitingEvent ?? framer.next()
    }

    private func handle(_ event: IMAPFramer.Event) {
        switch event {
        case .command(let octets):
            do throws(IMAPParseError) {
                start(try IMAPCommandParser.parse(octets, isUTF8: isUTF8))
            } catch {
                wrong(error.tag, error.hint)
            }
        case .continuation: write { $0.continuation("OK") }
        case .appendBegins(let head, let size, let isSynchronizing): beginAppend(head, size, isSynchronizing)
        case .appendBytes, .appendEnds, .appendDiscarded: appendEvent(event)
        case .overflow(let head, let hint):
            write { $0.status(IMAPCommandParser.tag(of: head), .bad, code: "TOOBIG", hint) }
            note(.protocolAbuse)
            bye(hint)
        case .line: wrong(nil, "Expected a command")
        }
    }

    /// A command that is none; too many of them end the session.
    func wrong(_ tag: String?, _ hint: String) {
        errors += 1
        services.count("?", "bad")
        write { $0.status(tag, .bad, hint) }
        guard errors >= services.configuration.maximumErrors else { return }
        note(.protocolAbuse)
        bye("Too many wrong commands")
    }

    // MARK: - Commands

    private func start(_ command: TaggedCommand) {
        switch command.command {
        case .capability:
            answer(command) { $0.text("* CAPABILITY \(self.capabilities)\r\n") }
        case .id:
            // RFC 2971 §3.2: what helps against nobody.
            answer(command) { $0.text("* ID (\"name\" \"OONRUMAIL\")\r\n") }
        case .logout:
            services.count("LOGOUT", "ok")
            write {
                $0.status(nil, .bye, "Until next time")
                $0.status(command.tag, .ok, "LOGOUT completed")
            }
            close()
        case .startTLS: startTLS(command)
        case .login(let user, let password): login(command.tag, user, password)
        case .authenticate(let mechanism, let response): authenticate(command.tag, mechanism, response)
        case .idle: startIdle(command.tag)
        case .noop where account == nil: answer(command) { _ in () }
        default:
            guard account != nil else { return wrong(command.tag, "Sign in first") }
            run(command)
        }
    }

    func answer(_ command: TaggedCommand, _ body: (inout IMAPResponseEncoder) -> Void) {
        services.count(command.command.name, "ok")
        write { encoder in
            body(&encoder)
            encoder.status(command.tag, .ok, "\(command.command.name) completed")
        }
    }

    private func run(_ command: TaggedCommand) {
        perform { await $0.execute(command) }
    }

    /// Runs work that needs the session, off the loop.
    func perform(
        _ work: @escaping @Sendable (CommandRun) async -> CommandOutcome,
        then: ((CommandOutcome) -> Void)? = nil
    ) {
        guard let session, let account, let address, let gate, let tasks else { return }
        let actor = SharingActor(address.canonical, remote: info.remote)
        self.session = nil
        if case .appending = activity {} else { activity = .running }
        tasks.run { [services, logger] in
            await work(
                CommandRun(
                    services: services,
                    gate: gate,
                    account: account,
                    actor: actor,
                    session: session,
                    logger: logger
                )
            )
        } then: { [self] outcome in
            self.session = outcome.session
            isUTF8 = outcome.session.isUTF8
            touch()
            write(outcome.output)
            if outcome.closes { return close() }
            activity = .ready
            then?(outcome)
            if case .bad = outcome.completion {
                errors += 1
                if errors >= services.configuration.maximumErrors { return bye("Too many wrong commands") }
            }
            proceed()
        }
    }

    var capabilities: String {
        Capabilities.text(
            appendLimit: services.configuration.appendLimit,
            isAuthenticated: account != nil,
            mayStartTLS: !isTLS,
            mayAuthenticate: takesPasswords,
            mechanisms: services.configuration.mechanisms
        )
    }

    /// RFC 9051 §11.1: a password is taken under TLS only, except from loopback where a setting for tests allows it.
    var takesPasswords: Bool { isTLS || services.configuration.allowsPlaintextOnLoopback && info.remote.isLoopback }
}
