package import NIOCore

/// Which authority is asked, and as whom (RFC 8555).
package struct ACMEOptions: Sendable {
    /// Address of the directory; HTTPS.
    package var directory: String
    /// Mail addresses that the authority may write to.
    package var contacts: [String] = []
    /// PEM file of the authorities that vouch for the directory's server; the system's when nil.
    package var roots: String?
    /// For one request.
    package var timeout = TimeAmount.seconds(30)
    /// How long the authority may take for a challenge or an order.
    package var patience = Duration.seconds(120)
    package init(directory: String) { self.directory = directory }
}
