import Logging
import MailModel
import MailPorts
import Metrics
import NIOCore
import NIOSSL
import NIOTLS
import NetKit
import TLSWire

/// One connection to the listener of challenges: reads what the client wants, then refuses it or lets TLS take over.
///
/// It stays in front of TLS, so that its time limit ends the connection without a farewell that nobody reads.
final class ChallengeConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case awaitingHello(ByteBuffer)
        case handshaking
        case answered
        case closed
    }

    /// What became of it; a label of the metric.
    private enum Outcome: String {
        case answered
        case noProtocol = "no_protocol"
        case noName = "no_name"
        case unknownName = "unknown_name"
        case notTLS = "not_tls"
        case malformed, failed, timeout
    }

    /// RFC 8737 §6.2.
    static let applicationProtocol = "acme-tls/1"
    /// How long TLS waits for the other side's farewell.
    private static let farewell = TimeAmount.seconds(1)

    private let board: any ChallengeBoard
    private let limit: TimeAmount
    private let remote: IPAddress
    private let logger: Logger
    private var state = State.awaitingHello(ByteBuffer())
    private var timer: Scheduled<Void>?

    /// - Parameter limit: for the whole connection.
    init(board: any ChallengeBoard, limit: TimeAmount, remote: IPAddress, logger: Logger) {
        self.board = board
        self.limit = limit
        self.remote = remote
        self.logger = logger
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        let context = context
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [self] in
            end(.timeout)
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .awaitingHello(var received):
            var octets = unwrapInboundIn(data)
            received.writeBuffer(&octets)
            state = .awaitingHello(received)
            consider(received, context)
        case .handshaking: context.fireChannelRead(data)
        // RFC 8737 §3: the connection is for nothing else. TLS hears the farewell of the other side.
        case .answered: context.fireChannelRead(data)
        case .closed: ()  // what comes after a refusal is not read
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ConnectionQuiescing, case .awaitingHello = state {
            state = .closed
            context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.failed)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        end(.failed)
        context.fireChannelInactive()
    }

    // MARK: - Decision

    private func consider(_ received: ByteBuffer, _ context: ChannelHandlerContext) {
        let hello: ClientHello?
        do throws(ClientHello.Failure) {
            hello = try ClientHello.read(Array(received.readableBytesView))
        } catch {
            switch error {
            case .notTLS: refuse(.notTLS, nil, context)
            case .malformed, .tooLong: refuse(.malformed, .decodeError, context)
            }
            return
        }
        guard let hello else { return }
        guard hello.protocols.contains(Array(Self.applicationProtocol.utf8)) else {
            return refuse(.noProtocol, .noApplicationProtocol, context)
        }
        // RFC 8446 §9.2: "Servers requiring this extension SHOULD respond to a ClientHello lacking a "server_name" extension
        // by terminating the connection with a "missing_extension" alert."
        guard let name = hello.serverName else { return refuse(.noName, .missingExtension, context) }
        guard let certificate = board.certificate(for: name) else {
            return refuse(.unknownName, .unrecognizedName, context)
        }
        answer(certificate, received, context)
    }

    private func answer(_ certificate: ChallengeCertificate, _ received: ByteBuffer, _ context: ChannelHandlerContext) {
        do {
            let secure = NIOSSLServerHandler(context: try Self.context(certificate))
            let watch = HandshakeEnd { [self] in
                end(.answered)
            } onFailure: { [self] in
                end(.failed)
            }
            try context.pipeline.syncOperations.addHandlers([secure, watch], position: .after(self))
            state = .handshaking
            context.fireChannelRead(wrapInboundOut(received))
            context.fireChannelReadComplete()
        } catch {
            logger.error("a challenge certificate cannot be shown", metadata: ["cause": "\(error)"])
            refuse(.failed, .internalError, context)
        }
    }

    private func refuse(_ outcome: Outcome, _ alert: TLSAlert?, _ context: ChannelHandlerContext) {
        end(outcome)
        guard let alert else { return context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: alert.record))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    /// Once for each connection.
    private func end(_ outcome: Outcome) {
        switch state {
        case .awaitingHello, .handshaking: ()
        case .answered, .closed: return
        }
        state = outcome == .answered ? .answered : .closed
        Counter(label: "oonrumail_challenge_handshakes_total", dimensions: [("outcome", outcome.rawValue)]).increment()
        logger.debug("a challenge connection", metadata: ["remote": "\(remote)", "outcome": "\(outcome.rawValue)"])
    }

    private static func context(_ certificate: ChallengeCertificate) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(certificate.certificatePEM)
        let key = try NIOSSLPrivateKey(bytes: certificate.keyPEM, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        // RFC 8737 §4: TLS 1.2 or later.
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = [applicationProtocol]
        configuration.shutdownTimeout = farewell
        return try NIOSSLContext(configuration: configuration)
    }
}

/// Behind TLS: ends the connection with the handshake, and reads nothing.
private final class HandshakeEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let onSuccess: () -> Void
    private let onFailure: () -> Void

    init(onSuccess: @escaping () -> Void, onFailure: @escaping () -> Void) {
        self.onSuccess = onSuccess
        self.onFailure = onFailure
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent else { return }
        if negotiated == ChallengeConnection.applicationProtocol { onSuccess() } else { onFailure() }
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        onFailure()
        context.close(promise: nil)
    }
}
