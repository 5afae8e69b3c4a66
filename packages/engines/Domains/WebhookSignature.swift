import ByteParsing
import MailCrypto
package import MailModel

/// How a receiver knows that an event is ours, and not an old one sent again.
///
/// `Webhook-Signature: t=1700000000,v1=…`: the time of sending in seconds, and HMAC-SHA-256 over the time, a dot and the
/// body, keyed by the octets of the secret as it was shown, in hexadecimal. While a secret is rotated there are two `v1`.
/// A receiver compares in constant time and refuses times that are not its own within minutes.
package enum WebhookSignature {
    package static let header = "Webhook-Signature"
    package static let idHeader = "Webhook-Id"

    package static func value(of body: [UInt8], at now: Timestamp, secrets: [[UInt8]]) -> String {
        let signed = Array("\(now.seconds).".utf8) + body
        let codes = secrets.map { ",v1=\(Hexadecimal.text(HMACSHA256.authenticate(signed, key: $0)))" }
        return "t=\(now.seconds)\(codes.joined())"
    }
}

/// What signs an organisation's events; shown once.
package struct WebhookSecret: Sendable, CustomStringConvertible, CustomReflectable {
    private static let octets = 32
    package let text: String
    package static func random() -> WebhookSecret {
        WebhookSecret(text: "whsec_\(Base64URL.encode(SecureRandom.bytes(octets)))")
    }
    package var description: String { "[redacted]" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
