package import MailModel
package import NIOCore

/// One SMTP transaction as client, without a socket or a clock.
///
/// The shell connects (with TLS at once for `.implicit`), gives bytes with `receive`, calls `next` until nil, performs
/// what comes, and bounds every wait by `SMTPTimeout.seconds` of `awaiting`.
package struct SMTPClientMachine: ~Copyable {
    package enum TLS: Hashable, Sendable {
        /// STARTTLS when offered (RFC 7435).
        case opportunistic
        /// STARTTLS or nothing is sent.
        case required
        /// TLS is there from the first byte.
        case implicit
        case none
    }

    package struct Transaction: Sendable {
        package var heloName: String
        package var tls: TLS
        package var credentials: SMTPClientCredentials?
        package var sender: ReversePath
        package var recipients: [EmailAddress]
        package var size: Int
        package var needsSMTPUTF8: Bool
        package var is8Bit: Bool
        package init(
            heloName: String, tls: TLS, credentials: SMTPClientCredentials? = nil, sender: ReversePath, recipients: [EmailAddress],
            size: Int, needsSMTPUTF8: Bool, is8Bit: Bool
        ) {
            self.heloName = heloName
            self.tls = tls
            self.credentials = credentials
            self.sender = sender
            self.recipients = recipients
            self.size = size
            self.needsSMTPUTF8 = needsSMTPUTF8
            self.is8Bit = is8Bit
        }
    }

    package enum Action: Equatable, Sendable {
        case send(ByteBuffer)
        /// Start TLS as client. Completion: `tlsEstablished` or `connectionFailed`.
        case startTLS
        /// Stream the message through a `DotStuffer` (its `finish` writes the final dot). Completion: `bodySent` or `bodyFailed`.
        case sendBody
        /// The outcome is known; QUIT may follow. Given once.
        case finished(SMTPClientResult)
        /// Close the connection; always the last action.
        case close
    }

    package init(_ transaction: Transaction) { fatalError("sketch") }

    /// What is waited for, for the shell's timer.
    package var awaiting: SMTPTimeout { .greeting }
    /// `C: ` and `S: ` lines, without content and credentials, at most `SMTPTranscript.maximumSize` octets.
    package var transcript: String { "" }

    package mutating func receive(_ bytes: consuming ByteBuffer) {}
    package mutating func next() -> Action? { nil }
    package mutating func tlsEstablished() {}
    package mutating func bodySent() {}
    /// The message could not be read: the connection is dropped without the final dot.
    package mutating func bodyFailed() {}
    /// Closed by the peer, reset, timed out, or TLS failed; `reason` is one line for the operator and the bounce.
    package mutating func connectionFailed(_ reason: String) {}
}
