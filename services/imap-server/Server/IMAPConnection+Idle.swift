import ByteParsing
import IMAPWire
import MailboxEngine
import NIOCore

extension IMAPConnection {
    /// RFC 9051 §6.3.13: changes are told at once, until DONE.
    ///
    /// No task waits meanwhile.
    func startIdle(_ tag: String) {
        guard account != nil else { return wrong(tag, "Sign in first") }
        framer.isLineMode = true
        activity = .idling(tag: tag)
        hasNews = session?.selected != nil
        if let index = session?.selected?.lease.index, let loop = context?.eventLoop {
            let connection = NIOLoopBound(WeakConnection(self), eventLoop: loop)
            let number = index.watch {
                loop.execute {
                    guard let connection = connection.value.connection else { return }
                    connection.hasNews = true
                    connection.proceed()
                }
            }
            watch = (index, number)
        }
        write { $0.continuation("idling") }
    }

    func tellNews(_ tag: String) {
        hasNews = false
        perform { run in
            let mayGoOn = await run.tell()
            return CommandOutcome(
                session: run.session,
                output: run.out.buffer,
                completion: nil,
                closes: !mayGoOn,
                isBehind: run.isBehind
            )
        } then: { [self] outcome in
            activity = .idling(tag: tag)
            if outcome.isBehind { lookLater() }
        }
    }

    /// An idling client gives no next command, and the change may have been the last for long.
    private func lookLater() {
        let delay = TimeAmount(services.configuration.idleRetryDelay)
        context?.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            guard let self, case .idling = activity else { return }
            hasNews = true
            proceed()
        }
    }

    func endIdle(_ event: IMAPFramer.Event, _ tag: String) {
        stopWatching()
        framer.isLineMode = false
        activity = .ready
        guard case .line(let line) = event, line.map(\.asciiLowercased) == Array("done".utf8) else {
            return wrong(tag, "Expected DONE")
        }
        services.count("IDLE", "ok")
        write { $0.status(tag, .ok, "IDLE completed") }
    }

    func stopWatching() {
        if let watch { watch.index.unwatch(watch.number) }
        watch = nil
    }
}

/// What a mailbox's index holds of a connection that may be gone.
private struct WeakConnection {
    weak var connection: IMAPConnection?
    init(_ connection: IMAPConnection) { self.connection = connection }
}
