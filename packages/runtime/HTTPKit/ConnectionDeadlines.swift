import NIOCore

/// Ends a connection whose client keeps it waiting: for the rest of a body, or for an answer to be read.
///
/// The time for a head is the listener's idle timeout. A request says where it is by outbound events, from whatever thread; the
/// timer is the event loop's.
final class ConnectionDeadlines: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = NIOAny

    enum Wait: Sendable {
        /// The client is sending a body.
        case body
        /// An answer of so many octets is written, and the next request may come.
        case reading(octets: Int)
        /// The platform's own work.
        case nothing
    }

    /// Octets a second that a client takes at least.
    static let slowestReader = 16 << 10

    /// What a request tells its connection.
    struct Handle: Sendable {
        let channel: any Channel
        func awaitBody() { channel.triggerUserOutboundEvent(Wait.body, promise: nil) }
        func rest() { channel.triggerUserOutboundEvent(Wait.nothing, promise: nil) }
        func awaitReading(octets: Int) {
            channel.triggerUserOutboundEvent(Wait.reading(octets: octets), promise: nil)
        }
    }

    private let bodyTimeout: TimeAmount
    private let idleTimeout: TimeAmount
    private var timer: Scheduled<Void>?

    init(bodyTimeout: TimeAmount, idleTimeout: TimeAmount) {
        self.bodyTimeout = bodyTimeout
        self.idleTimeout = idleTimeout
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let wait = event as? Wait else {
            context.triggerUserOutboundEvent(event, promise: promise)
            return
        }
        timer?.cancel()
        timer =
            switch wait {
            case .nothing: nil
            case .body: close(context, in: bodyTimeout)
            case .reading(let octets):
                close(context, in: idleTimeout + bodyTimeout + .seconds(Int64(octets / Self.slowestReader)))
            }
        promise?.succeed()
    }

    private func close(_ context: ChannelHandlerContext, in time: TimeAmount) -> Scheduled<Void> {
        let channel = context.channel
        return context.eventLoop.scheduleTask(in: time) { channel.close(mode: .all, promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }
}
