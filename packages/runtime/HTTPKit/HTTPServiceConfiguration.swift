package import MailModel
package import NIOCore

package struct HTTPServiceConfiguration: Sendable {
    package var host: String
    package var port: Int
    /// Octets of a request body.
    package var bodyLimit = 1 << 20
    package var idleTimeout = TimeAmount.seconds(60)
    /// Octets of the header section (RFC 6585 §5 answers 431 beyond).
    package var headerLimit = 32 << 10
    package var headerFieldLimit = 100
    package var maxConnections = 1_000
    /// For a whole body to arrive.
    package var bodyTimeout = TimeAmount.seconds(30)
    /// Origins whose pages may read answers, such as `https://mail.example.test`.
    package var crossOrigins: Set<String> = []
    /// PUT and PATCH of what GET gives a tag of need If-Match (428 without).
    package var requiresMatch = false
    package var gate = RequestGate()
    /// Whose X-Forwarded-For is believed.
    package var trustedProxies: [IPNetwork] = []

    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }
}

/// A listener that could not be opened, as one line for the operator.
package struct ListenerError: Error, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
