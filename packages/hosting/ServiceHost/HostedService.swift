package import HTTPKit
package import ServiceLifecycle

/// One of the platform's services, made and not yet running.
package struct HostedService: Sendable {
    /// In health answers and logs: `smtp`, `imap`, `auth`, `storage`, `domain-manager`.
    package var name: String
    /// What runs until the process is told to stop.
    package var services: [any Service]
    package var routes: [RouteSet]
    /// What the greeting says a client can connect to.
    package var endpoints: [Endpoint]
    /// Takes the ports; its error is one line that names the one that could not be had.
    package var bind: @Sendable () async throws -> Void

    package struct Endpoint: Sendable {
        /// `IMAP with STARTTLS`.
        package var purpose: String
        package var address: String
        package var port: Int
        package init(purpose: String, address: String, port: Int) {
            self.purpose = purpose
            self.address = address
            self.port = port
        }
    }

    package init(
        name: String,
        services: [any Service] = [],
        routes: [RouteSet] = [],
        endpoints: [Endpoint] = [],
        bind: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.name = name
        self.services = services
        self.routes = routes
        self.endpoints = endpoints
        self.bind = bind
    }
}

/// Makes a service from what its process shares.
///
/// Every service library has one.
package typealias ServiceModule = @Sendable (ServiceContext) async throws -> HostedService
