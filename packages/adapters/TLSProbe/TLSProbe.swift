package import MailModel
package import MailPorts
package import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// Connects to servers to see their certificates: one handshake, of a protocol no more than it takes to ask for TLS, nothing believed.
package struct TLSProbe: CertificateProbing {
    /// Certificates of a chain that are looked at; servers send three.
    static let longestChain = 10

    private let group: any EventLoopGroup
    private let timeout: TimeAmount
    private let heloName: String

    /// - Parameters:
    ///   - timeout: for the connection, and as much again for what is said before TLS with the handshake.
    ///   - heloName: who this is, for mail servers that are asked for STARTTLS.
    package init(group: any EventLoopGroup, timeout: TimeAmount = .seconds(10), heloName: String) {
        (self.group, self.timeout, self.heloName) = (group, timeout, heloName)
    }

    package func chain(
        of name: String,
        at address: IPAddress,
        port: UInt16,
        start: TLSStart
    ) async throws(CertificateProbeFault) -> [[UInt8]] {
        do {
            let loop = group.any()
            let seen = loop.makePromise(of: [[UInt8]].self)
            let channel: any Channel
            do {
                channel = try await connect(loop, seen, name, address, port, start)
            } catch {
                seen.fail(error)
                _ = try? await seen.futureResult.get()
                throw error
            }
            let limit = loop.scheduleTask(in: timeout) {
                seen.fail(CertificateProbeFault("no TLS handshake within the time limit"))
            }
            defer {
                limit.cancel()
                channel.close(promise: nil)
            }
            return try await seen.futureResult.get()
        } catch let fault as CertificateProbeFault {
            throw fault
        } catch is ChannelError {
            throw CertificateProbeFault("no connection to \(address) port \(port) within the time limit")
        } catch is NIOSSLError {
            throw CertificateProbeFault("\(address) port \(port) speaks no TLS, or none of a version in use")
        } catch {
            throw CertificateProbeFault("no connection to \(address) port \(port)")
        }
    }

    private func connect(
        _ loop: any EventLoop,
        _ seen: EventLoopPromise<[[UInt8]]>,
        _ name: String,
        _ address: IPAddress,
        _ port: UInt16,
        _ start: TLSStart
    ) async throws -> any Channel {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // Replaced by the callback, which takes everything: who reads the chain judges it.
        configuration.certificateVerification = .noHostnameVerification
        configuration.minimumTLSVersion = .tlsv12
        let context = try NIOSSLContext(configuration: configuration)
        let heloName = heloName
        return try await ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let watch = HandshakeWatch(seen, farewell: Self.farewell(start))
                    let secure = try NIOSSLClientHandler(
                        context: context,
                        serverHostname: name,
                        customVerificationCallback: { chain, verdict in
                            watch.note(chain.prefix(Self.longestChain).compactMap { try? $0.toDERBytes() })
                            verdict.succeed(.certificateVerified)
                        }
                    )
                    let pipeline = channel.pipeline.syncOperations
                    switch start {
                    case .implicit: try pipeline.addHandlers(secure, watch)
                    case .smtp:
                        let dialogue = SMTPStart(heloName: heloName)
                        try pipeline.addHandlers(StartTLSHandler(dialogue, seen, tls: secure), watch)
                    case .imap: try pipeline.addHandlers(StartTLSHandler(IMAPStart(), seen, tls: secure), watch)
                    }
                }
            }
            .connect(host: address.description, port: Int(port)).get()
    }

    /// RFC 5321 §4.1.1.10: a client "MUST NOT intentionally close the transmission channel until it sends a QUIT command".
    private static func farewell(_ start: TLSStart) -> String {
        switch start {
        case .implicit: ""
        case .smtp: "QUIT\r\n"
        case .imap: "c LOGOUT\r\n"
        }
    }
}

/// Waits for the end of the handshake.
private final class HandshakeWatch: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let seen: EventLoopPromise<[[UInt8]]>
    private let farewell: String
    private let chain = Mutex<[[UInt8]]>([])

    init(_ seen: EventLoopPromise<[[UInt8]]>, farewell: String) { (self.seen, self.farewell) = (seen, farewell) }

    func note(_ certificates: [[UInt8]]) { chain.withLock { $0 = certificates } }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else { return }
        if !farewell.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: farewell)), promise: nil) }
        seen.succeed(chain.withLock { $0 })
    }

    /// What a server says first is nobody's concern here.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        seen.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        seen.fail(CertificateProbeFault("the connection ended before the handshake did"))
    }
}
