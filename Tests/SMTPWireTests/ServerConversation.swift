import NIOCore

@testable import SMTPWire

/// A server machine with a shell that answers its questions at once and remembers what happened.
final class ServerConversation {
    enum Event: Equatable {
        case reply(SMTPReply)
        case spooled([UInt8], SMTPEnvelope)
        case abandoned
        case startTLS
        case authenticate(String)
        case cancelled
        case closed
    }

    private var machine: SMTPServerMachine
    private(set) var events: [Event] = []
    /// Kept apart: the replies that follow are among the events.
    private(set) var refusals: [SMTPSubject] = []
    private var spool: [UInt8] = []
    var senderVerdict = SMTPReply.senderAccepted
    var recipientVerdict: (SMTPRecipient) -> SMTPReply = { _ in .recipientAccepted }
    var beginRefusal: SMTPReply?
    var messageVerdict = SMTPReply.queued(as: "1")
    var authOutcome = SMTPServerMachine.AuthOutcome.accepted
    var startsTLS = true

    init(_ configuration: SMTPServerConfiguration = .relay, tlsIsActive: Bool = false) {
        machine = SMTPServerMachine(configuration, tlsIsActive: tlsIsActive)
        run()
    }

    var wantsBytes: Bool { machine.wantsBytes }

    /// The codes of the replies to `text`.
    @discardableResult
    func say(_ text: String) -> [Int] { say(Array(text.utf8)) }

    @discardableResult
    func say(_ bytes: [UInt8]) -> [Int] {
        let before = events.count
        machine.receive(ByteBuffer(bytes: bytes))
        run()
        return events[before...].compactMap { event in
            guard case .reply(let reply) = event else { return nil }
            return Int(reply.code)
        }
    }

    var lastReply: SMTPReply? {
        for case .reply(let reply) in events.reversed() { return reply }
        return nil
    }

    var messages: [String] {
        events.compactMap { event in
            guard case .spooled(let bytes, _) = event else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    func shutDown(_ reply: SMTPReply) {
        machine.shutDown(reply)
        run()
    }

    private func run() {
        while let action = machine.next() { perform(action) }
    }

    private func perform(_ action: SMTPServerMachine.Action) {
        switch action {
        case .reply(let reply): events.append(.reply(reply))
        case .refused(let subject, _): refusals.append(subject)
        case .checkSender: machine.senderVerdict(senderVerdict)
        case .checkRecipient(let recipient): machine.recipientVerdict(recipientVerdict(recipient))
        case .beginMessage:
            spool = []
            if let beginRefusal { machine.messageRefused(beginRefusal) } else { machine.messageBegun() }
        case .messageBytes(let bytes): spool += Array(bytes.readableBytesView)
        case .messageComplete(let envelope, let size):
            precondition(size == spool.count, "the machine's size is the spool's")
            events.append(.spooled(spool, envelope))
            machine.messageVerdict(messageVerdict)
        case .abandonMessage:
            spool = []
            events.append(.abandoned)
        case .authenticate(let mechanism, let response):
            events.append(.authenticate(mechanism))
            if response == nil { machine.authChallenge([]) } else { machine.authOutcome(authOutcome) }
        case .authResponse: machine.authOutcome(authOutcome)
        case .authCancelled: events.append(.cancelled)
        case .startTLS(let reply):
            events.append(.reply(reply))
            events.append(.startTLS)
            if startsTLS { machine.tlsEstablished() }
        case .close: events.append(.closed)
        }
    }
}

/// A server machine that a macro can hold.
final class ServerProbe {
    var machine: SMTPServerMachine

    init(_ configuration: SMTPServerConfiguration = .relay) { machine = SMTPServerMachine(configuration) }

    /// Without refusals for the record.
    func next() -> SMTPServerMachine.Action? {
        while let action = machine.next() {
            if case .refused = action { continue }
            return action
        }
        return nil
    }
    func receive(_ text: String) { machine.receive(ByteBuffer(string: text)) }
    var wantsBytes: Bool { machine.wantsBytes }
    var hello: SMTPHello? { machine.hello }
}

extension SMTPServerConfiguration {
    static var relay: SMTPServerConfiguration {
        SMTPServerConfiguration(role: .relay, hostname: "mail.example.test", offersTLS: true)
    }

    static var submission: SMTPServerConfiguration {
        SMTPServerConfiguration(
            role: .submission,
            hostname: "mail.example.test",
            offersTLS: true,
            mechanisms: ["PLAIN", "LOGIN"]
        )
    }

    func with(_ change: (inout SMTPServerConfiguration) -> Void) -> SMTPServerConfiguration {
        var copy = self
        change(&copy)
        return copy
    }
}

extension SMTPReply {
    var encoded: String {
        var buffer = ByteBuffer()
        encode(into: &buffer)
        return String(buffer: buffer)
    }
}
