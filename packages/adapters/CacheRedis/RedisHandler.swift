import NIOCore

/// Commands that go out together, and the promise of their answers.
struct RedisRequest: Sendable {
    let octets: ByteBuffer
    let count: Int
    let promise: EventLoopPromise<[RedisReply]>

    init(_ commands: [[String]], _ promise: EventLoopPromise<[RedisReply]>) {
        var octets = ByteBuffer()
        for command in commands { RedisEncoder.append(command, to: &octets) }
        (self.octets, self.count, self.promise) = (octets, commands.count, promise)
    }
}

/// Gives each command its answer: they come in the order of the commands.
///
/// Invariants: what waits is bounded; who waits hears within the time limit, by a closed connection if need be, because an
/// answer that comes late would be taken for the next one's.
final class RedisHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = RedisRequest
    typealias OutboundOut = ByteBuffer

    private struct Waiting {
        let promise: EventLoopPromise<[RedisReply]>
        let deadline: NIODeadline
        var missing: Int
        var replies: [RedisReply] = []
    }

    private let decoder: RedisDecoder
    private let timeout: TimeAmount
    private let maximum: Int
    /// nil on a connection that asks: there an answer may look like a message.
    private let onMessage: (@Sendable ([UInt8]) -> Void)?
    private var waiting = CircularBuffer<Waiting>()
    private var timer: Scheduled<Void>?
    private var fault: RedisFault?

    init(_ options: RedisOptions, onMessage: (@Sendable ([UInt8]) -> Void)?) {
        decoder = RedisDecoder(maximum: options.maximumAnswer)
        timeout = TimeAmount(options.commandTimeout)
        maximum = options.maximumInFlight
        self.onMessage = onMessage
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = unwrapOutboundIn(data)
        if let fault = fault ?? (waiting.count < maximum ? nil : .busy) {
            request.promise.fail(fault)
            promise?.fail(fault)
            return
        }
        waiting.append(
            Waiting(promise: request.promise, deadline: .now() + timeout, missing: request.count)
        )
        if timer == nil { startTimer(context) }
        context.write(wrapOutboundOut(request.octets), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do throws(RedisFault) {
            try decoder.feed(unwrapInboundIn(data)) { take($0) }
        } catch {
            end(error)
            context.close(promise: nil)
        }
    }

    private func take(_ reply: RedisReply) {
        if let onMessage, let parts = reply.elements, parts.count == 3, parts[0].text == "message",
            case .bulk(let octets) = parts[2]
        {
            return onMessage(octets)
        }
        guard !waiting.isEmpty else { return }
        waiting[waiting.startIndex].replies.append(reply)
        waiting[waiting.startIndex].missing -= 1
        guard waiting[waiting.startIndex].missing == 0 else { return }
        let done = waiting.removeFirst()
        done.promise.succeed(done.replies)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.away("the connection was closed"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(error as? RedisFault ?? .away("\(error)"))
        context.close(promise: nil)
    }

    private func startTimer(_ context: ChannelHandlerContext) {
        guard let first = waiting.first else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: first.deadline) {
            self.timer = nil
            guard let first = self.waiting.first else { return }
            guard first.deadline <= .now() else { return self.startTimer(context) }
            self.end(.timedOut)
            context.close(promise: nil)
        }
    }

    private func end(_ cause: RedisFault) {
        if fault == nil { fault = cause }
        timer?.cancel()
        timer = nil
        while let next = waiting.popFirst() { next.promise.fail(cause) }
    }
}
