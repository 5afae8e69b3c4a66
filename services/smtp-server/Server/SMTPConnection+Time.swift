import Logging
import NIOCore
import SMTPWire

/// The limits of time: no client holds a connection by doing little.
extension SMTPConnection {
    /// What the client has done lately.
    struct Progress {
        var since = NIODeadline.uptimeNanoseconds(0)
        /// Octets read since then.
        var octets = 0
    }

    /// Each command must be whole, and a message come at a rate, within the idle timeout: single octets are no progress.
    func scheduleProgressCheck(after delay: TimeAmount) {
        progressTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            self?.checkProgress()
        }
    }

    func markProgress() {
        progress = Progress(since: context?.eventLoop.now ?? .now())
    }

    private func checkProgress() {
        guard let context else { return }
        // Who waits for our answer is not slow; who does not read it has the write timeout.
        guard machine.wantsBytes, !isSpooling, isWritable else {
            markProgress()
            return scheduleProgressCheck(after: settings.idleTimeout)
        }
        let elapsed = context.eventLoop.now - progress.since
        guard elapsed >= settings.idleTimeout else {
            return scheduleProgressCheck(after: settings.idleTimeout - elapsed)
        }
        let needed = Double(settings.minimumRate) * Double(elapsed.nanoseconds) / 1e9
        if machine.isReceivingContent, Double(progress.octets) >= needed {
            markProgress()
            return scheduleProgressCheck(after: settings.idleTimeout)
        }
        machine.shutDown(.idleTooLong)
        pump()
    }

    /// A handshake that does not end is cut: nothing can be said in it.
    func limitHandshake() {
        handshakeTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: settings.handshakeTimeout) {
            [weak self] in
            guard let self, isHandshaking else { return }
            logger.debug("TLS handshake not finished in time")
            context?.close(promise: nil)
        }
    }

    // MARK: - Clients that do not read

    /// Whether replies go out: while they do not, no further command is done and nothing is read.
    var isWritable: Bool { context?.channel.isWritable ?? false }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            writeTimer?.cancel()
            writeTimer = nil
            markProgress()
            pump()
        } else {
            limitWrite()
        }
        context.fireChannelWritabilityChanged()
    }

    /// Closes when what is written now does not go out in time.
    func limitWrite() {
        guard writeTimer == nil else { return }
        writeTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: settings.writeTimeout) { [weak self] in
            guard let self else { return }
            logger.info("client does not read")
            context?.close(promise: nil)
        }
    }

    func cancelTimers() {
        progressTimer?.cancel()
        handshakeTimer?.cancel()
        writeTimer?.cancel()
    }
}
