package import MailModel
package import NIOCore

/// Who is connected, for policy and logs.
package struct ConnectionInfo: Sendable {
    package let remote: IPAddress
    package let remotePort: Int
    package let localPort: Int
    /// Names the session in every log line: 10 letters and digits.
    package let session: String
    package let isImplicitTLS: Bool
    /// In a trusted network: exempt from connection limits and rates.
    package let isTrusted: Bool
}

/// Fired into each connection's pipeline when the service stops: finish what runs, then close.
package struct ConnectionQuiescing: Sendable {}

extension IPAddress {
    /// nil for addresses that are no IP.
    package init?(_ address: SocketAddress?) {
        guard let text = address?.ipAddress else { return nil }
        // A scope ("fe80::1%eth0") is no part of the address.
        self.init(String(decoding: text.utf8.prefix { $0 != 37 }, as: UTF8.self))
    }
}
