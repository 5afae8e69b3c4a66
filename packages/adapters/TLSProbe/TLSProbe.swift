package import MailModel
package import MailPorts
package import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// Connects to servers to see their certificates: one handshake, no octet of a protocol, nothing believed.
package struct TLSProbe: CertificateProbing {
    /// Certificates of a chain that are looked at; servers send three.
    static let longestChain = 10

    private let group: any EventLoopGroup
    private let timeout: TimeAmount

    /// - Parameter timeout: for the connection and as much again for the handshake.
    package init(group: any EventLoopGroup, timeout: TimeAmount = .seconds(10)) {
        (self.group, self.timeout) = (group, timeout)
    }

    package func chain(
        of name: String,
        at address: IPAddress,
        port: UInt16
    ) async throws(CertificateProbeFault) -> [[UInt8]] {
        do {
            let loop = group.any()
            let seen = loop.makePromise(of: [[UInt8]].self)
            let channel: any Channel
            do {
                channel = try await connect(loop, seen, name, address, port)
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
        _ port: UInt16
    ) async throws -> any Channel {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // Replaced by the callback, which takes everything: who reads the chain judges it.
        configuration.certificateVerification = .noHostnameVerification
        configuration.minimumTLSVersion = .tlsv12
        let context = try NIOSSLContext(configuration: configuration)
        return try await ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let watch = HandshakeWatch(seen)
                    let secure = try NIOSSLClientHandler(
                        context: context,
                        serverHostname: name,
                        customVerificationCallback: { chain, verdict in
                            watch.note(chain.prefix(Self.longestChain).compactMap { try? $0.toDERBytes() })
                            verdict.succeed(.certificateVerified)
                        }
                    )
                    try channel.pipeline.syncOperations.addHandlers(secure, watch)
                }
            }
            .connect(host: address.description, port: Int(port)).get()
    }
}

/// Waits for the end of the handshake.
private final class HandshakeWatch: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let seen: EventLoopPromise<[[UInt8]]>
    private let chain = Mutex<[[UInt8]]>([])

    init(_ seen: EventLoopPromise<[[UInt8]]>) { self.seen = seen }

    func note(_ certificates: [[UInt8]]) { chain.withLock { $0 = certificates } }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else { return }
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
