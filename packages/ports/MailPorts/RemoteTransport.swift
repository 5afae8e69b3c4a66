package import MailModel
package import NIOCore

/// One host to try, in order.
package struct RemoteHost: Hashable, Sendable {
    /// For TLS (SNI), transcript and log.
    package var name: String
    /// nil: connect to `name` by the system's resolution (transport map, smart host).
    package var address: IPAddress?
    package var port: Int
    package init(name: String, address: IPAddress?, port: Int) {
        self.name = name
        self.address = address
        self.port = port
    }
}

/// What to send in one SMTP transaction.
package struct OutboundMessage: Sendable {
    package var sender: ReversePath
    package var recipients: [EmailAddress]
    package var size: Int
    package var needsSMTPUTF8: Bool
    package var is8Bit: Bool
    /// Reads the message's bytes in `range`; called with ascending ranges.
    package var read: @Sendable (Range<Int>) async throws(StoreError) -> ByteBuffer
    package init(
        sender: ReversePath,
        recipients: [EmailAddress],
        size: Int,
        needsSMTPUTF8: Bool,
        is8Bit: Bool,
        read: @escaping @Sendable (Range<Int>) async throws(StoreError) -> ByteBuffer
    ) {
        self.sender = sender
        self.recipients = recipients
        self.size = size
        self.needsSMTPUTF8 = needsSMTPUTF8
        self.is8Bit = is8Bit
        self.read = read
    }
}

/// How the connection must be secured and authenticated.
package struct RemotePolicy: Sendable {
    package enum TLS: Sendable {
        /// STARTTLS when offered, any certificate, clear text otherwise (RFC 7435).
        case opportunistic
        /// STARTTLS, any certificate, never clear text.
        case encrypted
        /// STARTTLS with a certificate valid for the host's name.
        case verified
        /// TLS from the first byte, verified.
        case implicit
        case none
    }
    package var tls: TLS
    package var heloName: String
    /// Smart host credentials.
    package var authentication: (user: String, password: String)?
    package init(tls: TLS, heloName: String, authentication: (user: String, password: String)? = nil) {
        self.tls = tls
        self.heloName = heloName
        self.authentication = authentication
    }
}

package enum RemoteResult: Sendable {
    case accepted(reply: String)
    /// 4xx, or the connection failed: `reply` says which.
    case transient(reply: String)
    /// 5xx.
    case permanent(reply: String)
}

package struct RemoteReport: Sendable {
    /// Whether the host answered well enough to carry mail; false: the caller tries the next host.
    package var reached: Bool
    /// One per recipient, in the message's order.
    package var results: [RemoteResult]
    package var attempt: QueueAttempt
    package init(reached: Bool, results: [RemoteResult], attempt: QueueAttempt) {
        self.reached = reached
        self.results = results
        self.attempt = attempt
    }
}

/// The SMTP client side: one host, one transaction.
///
/// Never throws: every failure is a result with its text.
package protocol RemoteTransport: Sendable {
    func send(_ message: OutboundMessage, to host: RemoteHost, policy: RemotePolicy) async -> RemoteReport
}
