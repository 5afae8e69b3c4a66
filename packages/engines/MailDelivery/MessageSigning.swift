package import MailPorts
package import SenderAuth

/// Makes the DKIM-Signature fields that submitted mail leaves with.
package protocol MessageSigning: Sendable {
    /// Fields with their line ends, to be put before the message; empty for a domain without keys.
    func sign(_ message: [UInt8], domain: String) async throws(StoreError) -> [UInt8]
}

extension DKIMMessageSigner: MessageSigning {}
