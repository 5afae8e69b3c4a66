/// Where Redis is, and what this process may take of it.
package struct RedisOptions: Sendable {
    package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
        package var host: String
        package var port: Int
        package init(host: String, port: Int = 6379) { (self.host, self.port) = (host, port) }
        package var description: String { host.utf8.contains(58) ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// The server; or nodes of the cluster to ask for the others.
    package var endpoints: [Endpoint]
    package var isCluster = false
    /// A user of the access list; the default user otherwise.
    package var username: String?
    package var password: String?
    /// Not in a cluster, which has but one.
    package var database = 0
    package var usesTLS = false
    /// PEM file with the authority of the server's certificate; the system's authorities otherwise.
    package var authorityFile: String?

    package var connectTimeout: Duration = .seconds(2)
    /// A command that takes longer counts as lost, and so does its connection.
    package var commandTimeout: Duration = .seconds(1)
    /// Commands of one connection without an answer; more fail at once.
    package var maximumInFlight = 10_000
    /// Octets of one answer.
    package var maximumAnswer = 16 << 20
    /// Between attempts to connect: doubled from the first to the longest, and half of it by chance.
    package var firstRetry: Duration = .milliseconds(100)
    package var longestRetry: Duration = .seconds(5)
    /// Silence after which a connection is tried.
    package var keepAlive: Duration = .seconds(5)
    /// Redirections that one command follows.
    package var maximumRedirections = 5
    /// Between two looks at the cluster's slots.
    package var refreshInterval: Duration = .seconds(1)
    /// Stands before the names of keys and channels that are not of the runbook.
    package var prefix = "oonrumail:"

    package init(_ endpoints: [Endpoint]) { self.endpoints = endpoints }
}

extension RedisOptions: CustomStringConvertible {
    /// Without user and password.
    package var description: String { endpoints.map(\.description).joined(separator: ",") }
}
