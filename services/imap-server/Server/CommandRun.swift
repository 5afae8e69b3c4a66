import IMAPWire
import Logging
import MailModel
import MailPorts
import MailboxEngine
import NIOCore

/// What a command leaves behind.
struct CommandOutcome: Sendable {
    var session: SessionState
    var output: ByteBuffer
    var completion: Completion?
    /// The session is over: BYE has been said, or nothing can be said.
    var closes: Bool
    /// The store could not be asked what is new.
    var isBehind = false
}

/// One command while it runs, off the event loop: reads and changes the session's state, gathers the answer.
final class CommandRun {
    let services: SessionServices
    let gate: OutboundGate
    /// The only way to mailboxes.
    let access: MailboxAccess
    /// Who runs it, for the audit.
    let actor: SharingActor
    let logger: Logger
    var session: SessionState
    var out: IMAPResponseEncoder
    /// A change of this command whose flags the client knows.
    var own: ModSeq?
    /// False for FETCH, STORE and SEARCH by sequence number (RFC 9051 §7.5.1).
    var mayExpunge = true
    /// NOOP and CHECK ask the store itself, whatever the feed said.
    var asksStore = false
    /// The store could not be asked what is new.
    var isBehind = false

    init(
        services: SessionServices,
        gate: OutboundGate,
        account: AccountID,
        actor: SharingActor,
        session: SessionState,
        logger: Logger
    ) {
        self.services = services
        self.gate = gate
        access = services.access(of: account)
        self.actor = actor
        self.session = session
        self.logger = logger
        out = IMAPResponseEncoder()
        out.isUTF8 = session.isUTF8
    }

    var account: AccountID { access.reader }

    /// Runs the command and answers with its tag.
    func execute(_ command: TaggedCommand) async -> CommandOutcome {
        await traced("IMAP \(command.command.name)", kind: .server, parent: .root) { await answer(command) }
    }

    private func answer(_ command: TaggedCommand) async -> CommandOutcome {
        let completion: Completion
        do throws(CommandFailure) {
            completion = try await perform(command)
        } catch {
            switch error {
            case .store(let error): completion = Completion(error)
            case .no(let code, let text): completion = .no(code: code, text)
            case .bad(let text): completion = .bad(text)
            case .disconnected:
                return CommandOutcome(session: session, output: ByteBuffer(), completion: nil, closes: true)
            }
        }
        return await finish(command.tag, completion, command.command.name)
    }

    /// Tells what changed meanwhile, then the tagged answer.
    func finish(_ tag: String, _ completion: Completion, _ name: String) async -> CommandOutcome {
        services.count(name, completion.word)
        guard await tell() else {
            return CommandOutcome(session: session, output: out.buffer, completion: completion, closes: true)
        }
        switch completion {
        case .ok(let code, let text): out.status(tag, .ok, code: code, text)
        case .no(let code, let text): out.status(tag, .no, code: code, text)
        case .bad(let text): out.status(tag, .bad, text)
        }
        return CommandOutcome(session: session, output: out.buffer, completion: completion, closes: false)
    }

    /// Brings the client's view up to date.
    ///
    /// What cannot be read now is told with the next command; who idles is told later (`isBehind`).
    ///
    /// False when the session must end: its mailbox is gone, or not shared with it any more.
    func tell() async -> Bool {
        guard let lease = session.selected?.lease, let place = session.selected?.place else { return true }
        do throws(AccessFailure) {
            try await access.look(at: place, to: .read)
        } catch .store(.notFound), .notPermitted {
            out.status(nil, .bye, "The selected mailbox is not shared with you any more")
            return false
        } catch {
            // Nothing is told that may not be.
            isBehind = true
            return true
        }
        do throws(StoreError) {
            let snapshot = try await lease.index.current(asksStore: asksStore)
            guard let update = session.selected?.view.advance(to: snapshot, mayExpunge: mayExpunge, own: own),
                !update.isEmpty
            else { return true }
            return await write(update, snapshot)
        } catch .notFound {
            lease.indexes.forget(lease.index)
            out.status(nil, .bye, "The selected mailbox has been deleted")
            return false
        } catch {
            isBehind = true
            return true
        }
    }

    private func write(_ update: ViewUpdate, _ snapshot: MailboxSnapshot) async -> Bool {
        for number in update.expunged { out.expunge(number) }
        if let exists = update.exists {
            out.exists(exists)
            // RFC 3501 §7.3.2; RFC 9051 has no recent messages.
            if !session.isRev2 { out.text("* 0 RECENT\r\n") }
        }
        guard !update.changed.isEmpty else { return true }
        var writer = FetchWriter()
        for message in update.changed {
            writer.begin(message.number)
            writer.item("FLAGS ")
            writer.flags(snapshot, message.index)
            writer.item("UID ")
            writer.number(Int(snapshot.uids[message.index]))
            writer.end()
            if writer.isFull {
                do throws(CommandFailure) { try await flush(&writer) } catch { return false }
            }
        }
        out.bytes(writer.take())
        return true
    }

    /// Sends what has been gathered so far.
    func flush(_ writer: inout FetchWriter) async throws(CommandFailure) {
        out.bytes(writer.take())
        try await flush()
    }

    func flush() async throws(CommandFailure) {
        guard out.buffer.readableBytes > 0 else { return }
        let buffer = out.buffer
        out.buffer = ByteBuffer()
        do throws(OutboundGate.Closed) {
            try await gate.write(buffer)
        } catch {
            throw .disconnected
        }
        if Task.isCancelled { throw .disconnected }
    }

    // MARK: - Help for commands

    /// The selected mailbox; RFC 9051 §6.4: these commands need one.
    func selected() throws(CommandFailure) -> SelectedMailbox {
        guard let selected = session.selected else { throw .bad("No mailbox is selected") }
        return selected
    }

    /// The same, when it may be changed.
    func writable() throws(CommandFailure) -> SelectedMailbox {
        let selected = try selected()
        guard !selected.isReadOnly else { throw .no(code: "CANNOT", "The mailbox is selected read-only") }
        return selected
    }

    /// Rows of the view that a set names, by number or UID, or the saved result.
    func rows(_ set: SequenceSet, isUID: Bool, in selected: SelectedMailbox) throws(CommandFailure) -> [Range<Int>] {
        if set.isSavedResult { return selected.view.rows(uidRanges: session.saved) }
        if isUID { return selected.view.rows(uids: set) }
        do throws(MailboxView.SetFailure) {
            return try selected.view.rows(numbers: set)
        } catch {
            throw .outOfRange
        }
    }

    func known(_ selected: SelectedMailbox) async throws(CommandFailure) -> MailboxSnapshot {
        if let snapshot = selected.lease.index.known { return snapshot }
        return try await attempt { () throws(StoreError) in try await selected.lease.index.current() }
    }

    /// The one place where what `MailboxAccess` refuses becomes what a client reads.
    func permitted<Value>(_ work: () async throws(AccessFailure) -> Value) async throws(CommandFailure) -> Value {
        do throws(AccessFailure) {
            return try await work()
        } catch {
            throw CommandFailure(error)
        }
    }

    func attempt<Value>(_ work: () async throws(StoreError) -> Value) async throws(CommandFailure) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }
}
