import NIOCore
import NIOPosix
import NIOSSL

/// One connection, signed in.
struct RedisConnection: Sendable {
    let channel: any Channel

    /// Connects, signs in and sends `greeting`.
    static func open(
        _ endpoint: RedisOptions.Endpoint,
        _ options: RedisOptions,
        greeting: [[String]],
        tls: NIOSSLContext?,
        on loop: any EventLoop,
        onMessage: (@Sendable ([UInt8]) -> Void)?
    ) -> EventLoopFuture<RedisConnection> {
        var commands: [[String]] = []
        if let password = options.password {
            commands.append(["AUTH"] + (options.username.map { [$0] } ?? []) + [password])
        }
        if options.database != 0, !options.isCluster { commands.append(["SELECT", "\(options.database)"]) }
        commands += greeting.isEmpty ? [["PING"]] : greeting
        let first = commands
        return ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(TimeAmount(options.connectTimeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let isName = (try? SocketAddress(ipAddress: endpoint.host, port: 0)) == nil
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: isName ? endpoint.host : nil)
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(RedisHandler(options, onMessage: onMessage))
                }
            }
            .connect(host: endpoint.host, port: endpoint.port)
            .flatMapErrorThrowing { throw RedisFault.away("cannot connect to \(endpoint): \($0)") }
            .flatMap { channel in
                let connection = RedisConnection(channel: channel)
                return connection.send(first).flatMapThrowing { replies in
                    for case .error(let text) in replies { throw RedisFault.refused(text) }
                    return connection
                }.flatMapErrorThrowing { error in
                    channel.close(promise: nil)
                    throw error
                }
            }
    }

    /// The answers, in order; a refusal is an answer too.
    func send(_ commands: [[String]]) -> EventLoopFuture<[RedisReply]> {
        let promise = channel.eventLoop.makePromise(of: [RedisReply].self)
        channel.writeAndFlush(RedisRequest(commands, promise)).whenFailure { error in
            // The handler has answered those that it took; the others never came to it.
            promise.fail(error as? RedisFault ?? .away("\(error)"))
        }
        return promise.futureResult
    }
}
