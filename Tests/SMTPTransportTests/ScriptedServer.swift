import MailCrypto
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// What the server on the other side does, one step after the other.
enum Step: Sendable {
    /// Writes the text, as it is.
    case say(String)
    /// Waits for a line that begins so, in any case.
    case expect(String)
    /// As many lines, whatever they are.
    case lines(Int)
    /// Waits for any octets, and forgets them.
    case anything
    /// Reads a message up to its final dot.
    case message
    /// TLS as server, from the next octet on.
    case startTLS
    case close
    /// Writes the text again and again, until the client has enough.
    case forever(String)
    /// Writes the text octet by octet, one in as many milliseconds.
    case drip(String, every: Int64)
}

/// A server on a loopback port that follows a script, another for each connection; the last one serves all further ones.
final class ScriptedServer: Sendable {
    struct Record: Sendable {
        var lines: [String] = []
        var messages: [String] = []
        var connections = 0
        var closed = 0
        /// Octets written by `forever`.
        var flood = 0
    }

    private static let tls = Result {
        let made = try SelfSignedCertificate(hostNames: ["mail.remote.test"])
        let certificate = try NIOSSLCertificate(bytes: made.certificatePEM, format: .pem)
        let key = try NIOSSLPrivateKey(bytes: made.keyPEM, format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(certificate)],
                privateKey: .privateKey(key)
            )
        )
    }

    private let channel: any Channel
    private let shared: Shared
    var port: Int { channel.localAddress?.port ?? 0 }
    var record: Record { shared.record.withLock { $0 } }

    private final class Shared: Sendable {
        let record = Mutex(Record())
    }

    init(_ scripts: [[Step]]) async throws {
        let shared = Shared()
        self.shared = shared
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let number = shared.record.withLock { record in
                        record.connections += 1
                        return record.connections - 1
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        Session(scripts[min(number, scripts.count - 1)], shared)
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func stop() async { try? await channel.close() }

    private final class Session: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private var steps: [Step]
        private let shared: Shared
        private var input = ByteBuffer()

        init(_ steps: [Step], _ shared: Shared) {
            self.steps = steps
            self.shared = shared
        }

        func channelActive(context: ChannelHandlerContext) { advance(context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            input.writeImmutableBuffer(unwrapInboundIn(data))
            advance(context)
        }

        func channelInactive(context: ChannelHandlerContext) { shared.record.withLock { $0.closed += 1 } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func advance(_ context: ChannelHandlerContext) {
            while let step = steps.first, perform(step, context) { steps.removeFirst() }
        }

        /// False: it waits.
        private func perform(_ step: Step, _ context: ChannelHandlerContext) -> Bool {
            switch step {
            case .say(let text):
                write(text, context)
                return true
            case .expect(let start):
                guard let line = line() else { return false }
                if !line.lowercased().hasPrefix(start.lowercased()) {
                    write("500 expected \(start)\r\n", context)
                    context.close(promise: nil)
                }
                return true
            case .lines(let count):
                guard line() != nil else { return false }
                if count > 1 { steps.insert(.lines(count - 1), at: 1) }
                return true
            case .anything:
                defer { input.clear() }
                return input.readableBytes > 0
            case .message: return message()
            case .startTLS:
                if let tls = try? ScriptedServer.tls.get() {
                    try? context.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
                }
                return true
            case .close:
                context.close(promise: nil)
                return true
            case .forever(let text):
                flood(ByteBuffer(string: text), context)
                return true
            case .drip(let text, let every):
                drip(Array(text.utf8)[...], every, context)
                return true
            }
        }

        private func write(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        private func line() -> String? {
            guard let end = input.readableBytesView.firstIndex(of: 10) else { return nil }
            let line = input.readString(length: end - input.readerIndex + 1) ?? ""
            let text = String(decoding: line.utf8.dropLast(2), as: UTF8.self)
            shared.record.withLock { $0.lines.append(text) }
            return text
        }

        private func message() -> Bool {
            let bytes = Array(input.readableBytesView)
            let end = Array("\r\n.\r\n".utf8)
            guard bytes.count >= 5,
                let place = (0...(bytes.count - 5)).first(where: { bytes[$0..<($0 + 5)].elementsEqual(end) })
            else { return false }
            shared.record.withLock { $0.messages.append(String(decoding: bytes[..<(place + 2)], as: UTF8.self)) }
            input.moveReaderIndex(forwardBy: place + 5)
            return true
        }

        private func flood(_ octets: ByteBuffer, _ context: ChannelHandlerContext) {
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(octets)).whenSuccess {
                let (session, context) = bound.value
                session.shared.record.withLock { $0.flood += octets.readableBytes }
                // Not at once: a socket that takes everything would make this a recursion without end.
                context.eventLoop.execute {
                    let (session, context) = bound.value
                    session.flood(octets, context)
                }
            }
        }

        private func drip(_ octets: ArraySlice<UInt8>, _ every: Int64, _ context: ChannelHandlerContext) {
            guard let first = octets.first, context.channel.isActive else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [first])), promise: nil)
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(every)) {
                self.drip(octets.dropFirst(), every, context)
            }
        }
    }
}
