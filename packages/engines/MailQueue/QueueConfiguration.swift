package import MailPorts

/// How outbound mail is sent.
package struct QueueConfiguration: Sendable {
    /// Where mail for a domain goes instead of its MX; `*` for every domain.
    package struct Route: Hashable, Sendable {
        package var domain: String
        package var host: String
        package var port: Int
        package init(domain: String, host: String, port: Int) {
            self.domain = domain
            self.host = host
            self.port = port
        }
    }

    package struct SmartHost: Sendable {
        package var host: String
        package var port: Int
        package var tls: RemotePolicy.TLS
        package var user: String?
        package var password: String?
        package init(host: String, port: Int, tls: RemotePolicy.TLS, user: String?, password: String?) {
            self.host = host
            self.port = port
            self.tls = tls
            self.user = user
            self.password = password
        }
    }

    /// In EHLO, bounces and MX loops.
    package var hostname: String
    package var schedule = RetrySchedule()
    /// Transactions at once.
    package var concurrency = 50
    /// Transactions to one domain at once.
    package var perDomain = 5
    /// How long a lease lasts unless it is renewed.
    package var leaseSeconds: Int64 = 900
    /// How often rows that another process changed are looked for.
    package var pollInterval: Duration = .seconds(1)
    /// Age at which bounces are given up.
    package var expirySeconds: Int64 = 432_000
    package var routes: [Route] = []
    package var smartHost: SmartHost?

    package init(hostname: String) { self.hostname = hostname }
}
