package import MailModel
import NIOCore
package import PlatformConfig
import SASLMechanisms

/// What the IMAP service takes from the settings.
package struct IMAPServiceConfiguration: Sendable {
    package var hostname: String
    package var addresses: [IPAddress]
    package var implicitTLSAddresses: [IPAddress]
    /// 0: no such listener.
    package var port: Int
    package var implicitTLSPort: Int
    package var maximumConnections: Int
    package var maximumConnectionsPerAddress: Int
    package var maximumConnectionsPerAccount: Int
    package var trustedNetworks: [IPNetwork]
    /// Load balancers, which send PROXY headers.
    package var proxyNetworks: [IPNetwork]
    /// Octets of an appended message (RFC 7889).
    package var appendLimit: Int
    /// Octets of a command with its literals, APPEND's message apart.
    package var maximumCommand: Int
    package var loginTimeout: Duration
    package var idleTimeout: Duration
    /// Longest time without progress while octets wait for the client.
    package var writeTimeout = Duration.seconds(300)
    package var maximumErrors: Int
    package var maximumAuthenticationFailures: Int
    /// Before the answer to a failed sign-in.
    package var failureDelay = Duration.seconds(1)
    /// After which an idling client's mailbox is looked at again when the store could not be asked.
    package var idleRetryDelay = Duration.seconds(1)
    package var allowsPlaintextOnLoopback: Bool
    /// Mailboxes may be shared with everybody of an organisation at once.
    package var allowsSharingWithAnyone: Bool
    /// Those that are announced.
    package var mechanisms: [String]
    /// How long a stop waits for sessions.
    package var grace = Duration.seconds(5)
    /// Octets of memory for indexes and cached text of mailboxes.
    package var indexBudget = 64 << 20
    /// Octets of messages held in memory at once.
    package var messageBudget = 256 << 20

    package init(settings: PlatformSettings) {
        hostname = settings.hostname
        addresses = settings.addresses(\.imapAddresses)
        implicitTLSAddresses = settings.addresses(\.imapsAddresses)
        port = settings.imapPort
        implicitTLSPort = settings.imapsPort
        maximumConnections = settings.imapMaxConnections
        maximumConnectionsPerAddress = settings.maxConnectionsPerAddress
        maximumConnectionsPerAccount = settings.imapMaxConnectionsPerAccount
        trustedNetworks = settings.trustedNetworks
        proxyNetworks = settings.proxyNetworks
        appendLimit = settings.maxMessageSize
        maximumCommand = settings.imapMaxLine
        loginTimeout = settings.imapLoginTimeout
        idleTimeout = settings.imapIdleTimeout
        maximumErrors = settings.imapErrorLimit
        maximumAuthenticationFailures = settings.imapAuthFailureLimit
        allowsPlaintextOnLoopback = settings.plaintextAuthOnLoopback
        allowsSharingWithAnyone = settings.sharesWithAnyone
        mechanisms = SASLServerMechanism.announced(withSCRAM: settings.announcesSCRAM)
    }
}
