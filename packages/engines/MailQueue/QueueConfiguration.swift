package import MailModel
package import MailPorts

/// How outbound mail is sent.
package struct QueueConfiguration: Sendable {
    /// Where mail for a domain goes instead of its MX; `*` for every domain that no other entry names.
    package struct Route: Hashable, Sendable {
        /// In lower case.
        package var domain: String
        /// A name or an address.
        package var host: String
        package var port: Int
        package init(domain: String, host: String, port: Int) {
            self.domain = domain
            self.host = host
            self.port = port
        }
    }

    /// A server that takes all outbound mail.
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

    /// In EHLO, in notifications, and where a list of MX hosts is cut (RFC 5321 §5.1).
    package var hostname: String
    package var schedule = RetrySchedule()
    /// Transactions at once.
    package var concurrency = 50
    /// Transactions to one domain at once.
    package var perDomain = 5
    /// Whether workers of other processes send from the same queue; `perDomain` counts over all of them.
    package var isShared = false
    /// How long a worker owns what it leased, unless it renews; it renews three times in that span.
    package var leaseSeconds: Int64 = 120
    /// Seconds that no time in the queue lies ahead of now by any rule.
    var horizonSeconds: Int64 {
        2 * max(leaseSeconds, schedule.maximum.components.seconds, schedule.first.components.seconds) + 60
    }
    /// The store is asked at least that often: another process may have changed the queue.
    package var pollInterval: Duration = .seconds(1)
    /// Age at which notifications are given up.
    package var expirySeconds: Int64 = 432_000
    /// What transactions under way have when the worker is told to stop.
    package var stopGrace: Duration = .seconds(20)
    package var routes: [Route] = []
    package var smartHost: SmartHost?
    /// Addresses tried for one message in one attempt.
    package var maximumHosts = 10
    /// Where the hosts that DNS names listen (RFC 5321 §4.5.4.2).
    package var port = 25
    /// Our own addresses: mail that would go there loops.
    package var ownAddresses: Set<IPAddress> = []
    /// Whether DNS may send mail to this machine (127.0.0.0/8, ::1), for trials on one machine.
    ///
    /// Routes and the smart
    /// host always may.
    package var reachesLoopback = false

    package init(hostname: String) { self.hostname = EmailAddress.lowercased(hostname) }
}
