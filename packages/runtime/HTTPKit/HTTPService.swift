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
        for set in routes {
            for route in set.routes {
                methods[route.path, default: []].append(route.method)
                router.on(RouterPath(route.path), method: route.method) { request, context in
                    try await Self.answer(request, context, route, set, limit: configuration.bodyLimit)
                }
            }
        }
        for (path, allowed) in methods {
            let others: [HTTPRequest.Method] = [.get, .post, .put, .patch, .delete, .options].filter {
                !allowed.contains($0)
            }
            // RFC 9110 §15.5.6: a 405 names the methods that the resource has.
            let names = (allowed + (allowed.contains(.get) ? [.head] : [])).map(\.rawValue).sorted().joined(
                separator: ", "
            )
            for method in others {
                router.on(RouterPath(path), method: method) { _, _ -> Response in
                    throw Problem(405, headers: ["Allow": names])
                }
            }
            if allowed.contains(.get),
                let get = routes.lazy.flatMap(\.routes).first(where: { $0.path == path && $0.method == .get }),
                let set = routes.first(where: { $0.routes.contains { $0.path == path && $0.method == .get } })
            {
                router.on(RouterPath(path), method: .head) { request, context in
                    try await Self.answer(request, context, get, set, limit: configuration.bodyLimit)
                        .createHeadResponse()
                }
            }
        }
        return Envelope(router: router.buildResponder(), logger: logger, trustedProxies: configuration.trustedProxies)
    }

    private static func answer(
        _ request: Request,
        _ context: PlatformRequestContext,
        _ route: RouteSet.Route,
        _ set: RouteSet,
        limit: Int
    ) async throws -> Response {
        do {
            let answer = try await route.handler(APIRequest(request: request, context: context, bodyLimit: limit))
            return Envelope.response(answer)
        } catch let problem as Problem {
            throw problem
        } catch {
            if let problem = set.problem(error) { throw problem }
            throw error
        }
    }

    package func run() async throws {
        // The library's own lines say nothing that ours do not.
        let quiet = Logger(label: "http.library") { _ in SwiftLogNoOpLogHandler() }
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: .init(
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
