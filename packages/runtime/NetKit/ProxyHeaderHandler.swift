import NIOCore

/// Reads the PROXY header that a trusted load balancer puts before everything else, then leaves the pipeline.
///
/// Nothing else happens on the connection before: TLS and greetings come after the header. A connection that sends no
/// header, or a broken one, within the time limit is closed without a word, for no mail client is at its end.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let limit: TimeAmount
    /// Adds the handlers that come after this one; called once, on the event loop.
    private let admit: (ProxyHeader) throws -> Void
    private let refuse: () -> Void
    private var received = ByteBuffer()
    private var timer: Scheduled<Void>?
    private var isDone = false

    init(limit: TimeAmount, admit: @escaping (ProxyHeader) throws -> Void, refuse: @escaping () -> Void) {
        self.limit = limit
        self.admit = admit
        self.refuse = refuse
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let context = context
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in self?.fail(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        do {
            guard let header = try ProxyHeader.take(from: &received) else { return }
            isDone = true
            timer?.cancel()
            try admit(header)
            if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
            context.fireChannelReadComplete()
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            fail(context)
        }
    }

    private func fail(_ context: ChannelHandlerContext) {
        isDone = true
        timer?.cancel()
        refuse()
        context.close(promise: nil)
    }
}

/// Handlers stay on their event loop.
@available(*, unavailable)
extension ProxyHeaderHandler: Sendable {}
