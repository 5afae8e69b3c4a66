import ByteParsing
import IMAPWire
import MailboxEngine
import NIOCore

/// The message of an APPEND while it comes.
struct CollectedAppend {
    /// nil: it is refused, its octets pass by.
    var command: AppendCommand?
    /// The answer to a refused one.
    var refusal: (tag: String?, condition: IMAPResponseEncoder.Condition, code: String?, text: String)?
    var bytes = ByteBuffer()
    var held = 0
    /// RFC 6855 §4: `UTF8 (~{n}…)`.
    var isUTF8 = false
}

extension IMAPConnection {
    /// APPENDs that gather while others are stored.
    private static var maximumGathered: Int { 100 }
    private static var maximumGatheredOctets: Int { 8 << 20 }

    /// Decides about a message that is announced: RFC 9051 §6.3.12, RFC 7889.
    func beginAppend(_ head: [UInt8], _ size: Int, _ isSynchronizing: Bool) {
        var collected = CollectedAppend()
        do throws(IMAPParseError) {
            let command = try IMAPCommandParser.parseAppend(head, isUTF8: isUTF8)
            if account == nil {
                collected.refusal = (command.tag, .bad, nil, "Sign in first")
            } else if size > services.configuration.appendLimit {
                collected.refusal = (
                    command.tag, .no, "TOOBIG", "Messages have at most \(services.configuration.appendLimit) octets"
                )
            } else if let held = services.gate.tryAcquire(size * 3) {
                collected.command = command
                collected.held = held
                collected.isUTF8 = head.last == ASCII.leftParen
            } else {
                collected.refusal = (
                    command.tag, .no, "UNAVAILABLE", "Too many large messages are under way; try again"
                )
            }
        } catch {
            errors += 1
            collected.refusal = (error.tag, .bad, nil, error.hint)
        }
        guard collected.command != nil else {
            framer.refuseAppend(isSynchronizing: isSynchronizing)
            if isSynchronizing { refuse(collected) } else { collecting = collected }
            return
        }
        collected.bytes.reserveCapacity(min(size, 64 << 10))
        collecting = collected
        framer.acceptAppend()
        if isSynchronizing { write { $0.continuation("Ready for the message") } }
    }

    private func refuse(_ collected: CollectedAppend) {
        collecting = nil
        guard let refusal = collected.refusal else { return }
        services.count("APPEND", "no")
        write { $0.status(refusal.tag, refusal.condition, code: refusal.code, refusal.text) }
        if errors >= services.configuration.maximumErrors { bye("Too many wrong commands") }
    }

    func appendEvent(_ event: IMAPFramer.Event) {
        switch event {
        case .appendBytes(var piece): collecting?.bytes.writeBuffer(&piece)
        case .appendDiscarded: if let collecting { refuse(collecting) }
        case .appendEnds(let rest):
            guard let collected = collecting, let command = collected.command else { return }
            collecting = nil
            guard rest.isEmpty || collected.isUTF8 && rest == [ASCII.rightParen] else {
                services.gate.release(collected.held)
                return wrong(command.tag, "Unexpected text after the message")
            }
            appends.append(PendingAppend(command: command, bytes: collected.bytes, held: collected.held))
            if case .ready = activity { storeAppends() }
        case .command, .line, .continuation, .appendBegins, .overflow: ()
        }
    }

    /// While appends are stored: takes further ones, leaves everything else for later.
    func gather(_ event: IMAPFramer.Event) {
        switch event {
        case .appendBytes: appendEvent(event)
        case .appendEnds(let rest):
            // An error would be answered before those that run.
            guard let collected = collecting, rest.isEmpty || collected.isUTF8 && rest == [ASCII.rightParen] else {
                waitingEvent = event
                return
            }
            appendEvent(event)
        case .appendBegins(let head, let size, let isSynchronizing):
            let octets = appends.reduce(0) { $0 + $1.bytes.readableBytes }
            guard !isSynchronizing, appends.count < Self.maximumGathered, octets + size <= Self.maximumGatheredOctets,
                size <= services.configuration.appendLimit,
                (try? IMAPCommandParser.parseAppend(head, isUTF8: isUTF8)) != nil
            else {
                waitingEvent = event
                return
            }
            beginAppend(head, size, isSynchronizing)
        case .command, .line, .continuation, .appendDiscarded, .overflow: waitingEvent = event
        }
    }

    private func storeAppends() {
        let batch = appends
        appends = []
        activity = .appending
        perform { run in
            let outcome = await run.append(batch)
            for item in batch { run.services.gate.release(item.held) }
            return outcome
        } then: { [self] _ in
            if !appends.isEmpty, case .ready = activity { storeAppends() }
        }
    }
}
