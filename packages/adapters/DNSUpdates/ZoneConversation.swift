import MailModel
import MailPorts
import NIOCore
import NIOPosix

/// One TCP connection to a name server, with everything that is asked on it at once (RFC 7766 §6.2.1.1).
struct ZoneConversation: Sendable {
    private let channel: any Channel

    /// nil where nobody listens.
    static func open(
        _ group: any EventLoopGroup,
        _ place: IPAddress,
        _ port: UInt16,
        _ timeout: TimeAmount
    ) async -> ZoneConversation? {
        try? await ZoneConversation(
            channel: ClientBootstrap(group: group).connectTimeout(timeout)
                .channelOption(.autoRead, value: false)
                .connect(host: place.description, port: Int(port)).get()
        )
    }

    /// Sends the messages and waits for as many answers, by their numbers; the connection is over then.
    func answers(to messages: [[UInt8]], by deadline: NIODeadline) async throws -> [UInt16: [UInt8]] {
        let loop = channel.eventLoop
        let promise = loop.makePromise(of: [UInt16: [UInt8]].self)
        let numbers = Set(messages.map { UInt16($0[0]) << 8 | UInt16($0[1]) })
        let channel = channel
        let limit = loop.scheduleTask(deadline: deadline) { promise.fail(ZoneFault.noAnswer) }
        defer {
            limit.cancel()
            channel.close(promise: nil)
            promise.fail(ZoneFault.noAnswer)
        }
        try await loop.submit {
            do {
                try channel.pipeline.syncOperations.addHandler(AnswerReader(numbers, promise))
            } catch {
                promise.fail(ZoneFault.noAnswer)
            }
        }.get()
        var output = ByteBuffer()
        for message in messages {
            output.writeInteger(UInt16(message.count))
            output.writeBytes(message)
        }
        channel.writeAndFlush(output).whenFailure { _ in promise.fail(ZoneFault.noAnswer) }
        _ = try await channel.setOption(.autoRead, value: true).get()
        return try await promise.futureResult.get()
    }
}

/// Cuts what comes into messages (RFC 1035 §4.2.2) until every number has its answer.
private final class AnswerReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// Octets of all answers: far more than a domain's records take.
    private static let mostOctets = 4 << 20

    private var awaited: Set<UInt16>
    private let promise: EventLoopPromise<[UInt16: [UInt8]]>
    private var received = ByteBuffer()
    private var octets = 0
    private var answers: [UInt16: [UInt8]] = [:]

    init(_ awaited: Set<UInt16>, _ promise: EventLoopPromise<[UInt16: [UInt8]]>) {
        (self.awaited, self.promise) = (awaited, promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        octets += bytes.readableBytes
        guard octets <= Self.mostOctets else { return fail(.malformed, context) }
        received.writeBuffer(&bytes)
        while let length = received.getInteger(at: received.readerIndex, as: UInt16.self) {
            guard received.readableBytes >= 2 + Int(length) else { return }
            received.moveReaderIndex(forwardBy: 2)
            guard let message = received.readBytes(length: Int(length)), message.count >= 2,
                awaited.remove(UInt16(message[0]) << 8 | UInt16(message[1])) != nil
            else { return fail(.malformed, context) }
            answers[UInt16(message[0]) << 8 | UInt16(message[1])] = message
        }
        if awaited.isEmpty { promise.succeed(answers) }
    }

    private func fail(_ fault: ZoneFault, _ context: ChannelHandlerContext) {
        promise.fail(fault)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { promise.fail(ZoneFault.noAnswer) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(.noAnswer, context) }
}
