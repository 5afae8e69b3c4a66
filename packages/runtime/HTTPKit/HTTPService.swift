import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
package import NIOCore
import ServiceLifecycle

/// One HTTP listener with the routes of many services; stops gracefully with its service group.
package struct HTTPService: Service {
    private let configuration: HTTPServiceConfiguration
    private let responder: Envelope
    private let group: any EventLoopGroup
    private let onRunning: @Sendable (Int) async -> Void

    /// `onRunning` is called with the port once connections are accepted.
    package init(
        _ configuration: HTTPServiceConfiguration,
        routes: [RouteSet],
        group: any EventLoopGroup,
        logger: Logger = Logger(label: "http"),
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.group = group
        self.onRunning = onRunning
        responder = Self.responder(configuration, routes: routes, logger: logger)
    }

    private static func responder(
        _ configuration: HTTPServiceConfiguration,
        routes: [RouteSet],
        logger: Logger
    ) -> Envelope {
        let router = Router(context: PlatformRequestContext.self)
        var methods: [String: [HTTPRequest.Method]] = [:]
        var reads: [String: RouteSet.Handler] = [:]
        for set in routes {
            for route in set.routes {
                methods[route.path, default: []].append(route.method)
                if route.method == .get { reads[route.path] = set.mapped(route) }
            }
        }
        for set in routes {
            for route in set.routes {
                let answering = RouteAnswer(
                    handler: set.mapped(route),
                    method: route.method,
                    path: route.path,
                    admitsActing: route.admitsActing,
                    current: reads[route.path],
                    configuration: configuration
                )
                router.on(RouterPath(route.path), method: route.method) { request, context in
                    try await answering(request, context)
                }
                guard route.method == .get else { continue }
                router.on(RouterPath(route.path), method: .head) { request, context in
                    try await answering(request, context).createHeadResponse()
                }
            }
        }
        for (path, allowed) in methods { addOthers(router, path, allowed) }
        return Envelope(
            router: router.buildResponder(),
            logger: logger,
            trustedProxies: configuration.trustedProxies,
            gate: configuration.gate,
            crossOrigin: CrossOrigin(origins: configuration.crossOrigins)
        )
    }

    /// RFC 9110 §15.5.6: a 405 names the methods that the resource has; §9.3.7: OPTIONS asks for them.
    private static func addOthers(
        _ router: Router<PlatformRequestContext>,
        _ path: String,
        _ allowed: [HTTPRequest.Method]
    ) {
        let known = Set(allowed).union([.options]).union(allowed.contains(.get) ? [.head] : [])
        let names = known.map(\.rawValue).sorted().joined(separator: ", ")
        for method in Envelope.knownMethods where !known.contains(method) {
            router.on(RouterPath(path), method: method) { _, _ -> Response in
                throw Problem(405, headers: ["Allow": names])
            }
        }
        guard !allowed.contains(.options) else { return }
        router.on(RouterPath(path), method: .options) { _, _ -> Response in
            Envelope.response(APIResponse(status: 204, headers: ["Allow": names]))
        }
    }

    package func run() async throws {
        let configuration = configuration
        // The library's own lines say nothing that ours do not.
        let quiet = Logger(label: "http.library") { _ in SwiftLogNoOpLogHandler() }
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        ConnectionDeadlines(
                            bodyTimeout: configuration.bodyTimeout,
                            idleTimeout: configuration.idleTimeout
                        )
                    ],
                    idleTimeout: configuration.idleTimeout,
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: configuration.headerLimit,
                        maxHeaderListSize: configuration.headerLimit,
                        maxHeaderFieldCount: configuration.headerFieldLimit
                    )
                )
            ),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.maxConnections, logger: quiet)
            ),
            onServerRunning: { [onRunning] channel in await onRunning(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group),
            logger: quiet
        )
        do {
            try await application.run()
        } catch let error as IOError {
            throw listenerError(error)
        }
    }

    private func listenerError(_ error: IOError) -> ListenerError {
        let place = "\(configuration.host) port \(configuration.port)"
        return switch error.errnoCode {
        case EADDRINUSE: ListenerError("HTTP cannot listen on \(place): it is in use (OONRUMAIL_HTTP_PORT)")
        case EACCES:
            ListenerError("HTTP cannot listen on \(place): ports below 1024 need a privilege (OONRUMAIL_HTTP_PORT)")
        case EADDRNOTAVAIL:
            ListenerError("HTTP cannot listen on \(place): this machine has no such address (OONRUMAIL_HTTP_ADDRESS)")
        default: ListenerError("HTTP cannot listen on \(place): error \(error.errnoCode)")
        }
    }
}
