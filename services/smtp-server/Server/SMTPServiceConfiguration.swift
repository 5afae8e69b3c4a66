package import MailDelivery
import MailModel
package import NIOCore
package import NetKit
package import PlatformConfig
import SASLMechanisms
package import SMTPWire

/// What the SMTP service listens on and how much it bears.
package struct SMTPServiceConfiguration: Sendable {
    package struct Endpoint: Sendable {
        package var listener: ListenerConfiguration
        package var machine: SMTPServerConfiguration
    }

    /// Mail from other servers, submission with STARTTLS, submission under TLS.
    package var endpoints: [Endpoint]
    package var hostname: String
    /// What a whole command may take, and over which the rate of a message is measured.
    package var idleTimeout: TimeAmount
    package var handshakeTimeout: TimeAmount
    /// How long replies may stay unread.
    package var writeTimeout: TimeAmount
    /// Octets of a message that must come in a second, over `idleTimeout`.
    package var minimumRate: Int
    package var spoolThreshold: Int
    package var spoolFolder: String
    package var intake = MessageIntake.Limits()
    /// New connections of one client address a minute.
    package var connectionRate: Int
    /// Messages of one client address a minute.
    package var messageRate: Int
    /// Messages that one account submits an hour.
    package var submissionRate: Int
    /// Recipients that one account sends to an hour.
    package var submissionRecipientRate: Int

    package init(_ settings: PlatformSettings, spoolFolder: String) {
        hostname = settings.hostname
        idleTimeout = TimeAmount(settings.smtpIdleTimeout)
        handshakeTimeout = TimeAmount(settings.smtpHandshakeTimeout)
        writeTimeout = TimeAmount(settings.smtpWriteTimeout)
        minimumRate = settings.smtpMinimumRate
        spoolThreshold = settings.spoolThreshold
        self.spoolFolder = spoolFolder
        intake.received = settings.maxReceived
        intake.expirySeconds = max(1, settings.queueExpiry.components.seconds)
        connectionRate = settings.connectionRatePerAddress
        messageRate = settings.smtpMessageRatePerAddress
        submissionRate = settings.submissionMessageRate
        submissionRecipientRate = settings.submissionRecipientRate
        endpoints = [
            Self.endpoint(
                "smtp",
                settings,
                settings.addresses(\.smtpAddresses),
                settings.smtpPort,
                .relay,
                isImplicitTLS: false
            ),
            Self.endpoint(
                "submission",
                settings,
                settings.addresses(\.submissionAddresses),
                settings.submissionPort,
                .submission,
                isImplicitTLS: false
            ),
            Self.endpoint(
                "submissions",
                settings,
                settings.addresses(\.submissionsAddresses),
                settings.submissionsPort,
                .submission,
                isImplicitTLS: true
            ),
        ]
    }

    private static func endpoint(
        _ name: String,
        _ settings: PlatformSettings,
        _ addresses: [IPAddress],
        _ port: Int,
        _ role: SMTPServerConfiguration.Role,
        isImplicitTLS: Bool
    ) -> Endpoint {
        var limits = SMTPServerConfiguration.Limits()
        limits.messageSize = settings.maxMessageSize
        limits.recipients = settings.maxRecipients
        limits.errors = settings.smtpErrorLimit
        limits.refusedRecipients = settings.smtpRefusedRecipientLimit
        limits.authFailures = settings.smtpAuthFailureLimit
        limits.unproductiveCommands = settings.smtpUnproductiveLimit
        limits.transactions = settings.smtpTransactionLimit
        var machine = SMTPServerConfiguration(
            role: role,
            hostname: settings.hostname,
            limits: limits,
            offersTLS: !isImplicitTLS,
            mechanisms: role == .submission ? SASLServerMechanism.announced(withSCRAM: settings.announcesSCRAM) : []
        )
        if role == .submission { machine.unlistedMechanisms = SASLServerMechanism.allCases.map(\.rawValue) }
        var busy = ByteBuffer()
        SMTPReply.tooManyConnections.encode(into: &busy)
        var listener = ListenerConfiguration(
            name: name,
            addresses: addresses,
            port: port,
            isImplicitTLS: isImplicitTLS,
            maximumConnections: settings.smtpMaxConnections,
            maximumConnectionsPerAddress: settings.maxConnectionsPerAddress,
            trustedNetworks: settings.trustedNetworks,
            busyReply: String(buffer: busy),
            grace: TimeAmount(settings.shutdownGrace)
        )
        listener.proxyNetworks = settings.proxyNetworks
        var barred = ByteBuffer()
        SMTPReply.networkBanned.encode(into: &barred)
        listener.barredReply = String(buffer: barred)
        return Endpoint(listener: listener, machine: machine)
    }
}
