import NIOCore
import Synchronization

/// Octets from a running command to its client: who writes faster than the client reads waits.
final class OutboundGate: Sendable {
    struct Closed: Error {}

    private struct State {
        var pending = 0
        var isClosed = false
        var waiting: CheckedContinuation<Void, Never>?
        var progress = NIODeadline.now()
    }

    /// Octets under way from which a command waits.
    private static let limit = 512 << 10

    private let channel: any Channel
    private let state = Mutex(State())

    init(channel: any Channel) { self.channel = channel }

    /// Returns when few enough octets are under way.
    func write(_ buffer: ByteBuffer) async throws(Closed) {
        let size = buffer.readableBytes
        let isOpen = state.withLock { state in
            if state.pending == 0 { state.progress = .now() }
            state.pending += size
            return !state.isClosed
        }
        guard isOpen else { throw Closed() }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { [weak self] _ in self?.finished(size) }
        channel.writeAndFlush(buffer, promise: promise)
        await withCheckedContinuation { continuation in
            let mayGoOn = state.withLock { state in
                guard state.pending > Self.limit, !state.isClosed else { return true }
                state.waiting = continuation
                return false
            }
            if mayGoOn { continuation.resume() }
        }
        if state.withLock({ $0.isClosed }) { throw Closed() }
    }

    private func finished(_ size: Int) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.pending -= size
            state.progress = .now()
            guard state.pending <= Self.limit / 2 else { return nil }
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// The connection is gone: writers end.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    /// When octets wait for the client: since when nothing has gone out.
    var stalledSince: NIODeadline? { state.withLock { $0.pending > 0 ? $0.progress : nil } }
}
