import MailPorts
import NIOCore

/// Holds the conversation up to TLS, then leaves its place to it.
final class StartTLSHandler<Dialogue: StartTLSDialogue>: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Octets that a server may say before TLS.
    private static var mostOctets: Int { 64 << 10 }

    private var dialogue: Dialogue
    private let seen: EventLoopPromise<[[UInt8]]>
    private let tls: any ChannelHandler
    private var received = ByteBuffer()
    private var octets = 0
    private var isOver = false

    /// - Parameters:
    ///   - seen: fails when the conversation does.
    ///   - tls: takes the place of this handler.
    init(_ dialogue: Dialogue, _ seen: EventLoopPromise<[[UInt8]]>, tls: any ChannelHandler) {
        (self.dialogue, self.seen, self.tls) = (dialogue, seen, tls)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // In clear text after the end: nothing of it is believed.
        guard !isOver else { return }
        var bytes = unwrapInboundIn(data)
        octets += bytes.readableBytes
        guard octets <= Self.mostOctets else {
            return fail(CertificateProbeFault("the server says too much before TLS"), context)
        }
        received.writeBuffer(&bytes)
        while !isOver, let action = dialogue.next(&received) {
            switch action {
            case .send(let line): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: line)), promise: nil)
            case .startTLS: startTLS(context)
            case .fail(let fault): fail(fault, context)
            }
        }
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        isOver = true
        do {
            try context.pipeline.syncOperations.addHandler(tls, position: .before(self))
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            fail(CertificateProbeFault("TLS cannot be set up"), context)
        }
    }

    private func fail(_ fault: CertificateProbeFault, _ context: ChannelHandlerContext) {
        isOver = true
        seen.fail(fault)
        context.close(promise: nil)
    }
}
