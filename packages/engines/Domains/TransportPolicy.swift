import MailCrypto

/// The MTA-STS policy of a hosted domain (RFC 8461 §3.2): senders that honour it deliver by verified TLS to the named hosts only.
package struct TransportPolicy: Hashable, Sendable {
    package enum Mode: String, Sendable, CaseIterable { case enforce, testing, none }

    package var mode: Mode
    /// Seconds that senders keep it; at most a year (RFC 8461 §3.2).
    package var lifetime: Int
    package var host: MailHost

    package init(mode: Mode, lifetime: Int, host: MailHost) {
        (self.mode, self.lifetime, self.host) = (mode, lifetime, host)
    }

    /// The file at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.
    package var text: String {
        "version: STSv1\r\nmode: \(mode.rawValue)\r\nmx: \(host.name)\r\nmax_age: \(lifetime)\r\n"
    }

    /// Of the record `_mta-sts.DOMAIN`: another policy has another one, so that senders fetch it anew (RFC 8461 §3.1).
    package var identifier: String {
        SHA256.hash(Array(text.utf8)).prefix(10).map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
    }

    /// The text of the record `_mta-sts.DOMAIN`.
    package var record: String { "v=STSv1; id=\(identifier);" }
}
