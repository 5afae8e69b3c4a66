/// What one listener offers and how much it bears.
package struct SMTPServerConfiguration: Hashable, Sendable {
    package enum Role: Hashable, Sendable {
        /// Port 25: mail from other servers for hosted addresses.
        case relay
        /// Ports 587 and 465 (RFC 6409): mail from own users, who authenticate first.
        case submission
    }

    package struct Limits: Hashable, Sendable {
        /// Octets of a message as it is stored; announced by SIZE (RFC 1870).
        package var messageSize = 50 << 20
        /// RFC 5321 §4.5.3.1.8 demands at least 100.
        package var recipients = 1000
        /// Wrong or refused commands of a session before 421.
        package var errors = 20
        /// Recipients of a session refused for good before 421: slows those who guess addresses.
        package var refusedRecipients = 100
        /// Failed AUTH of a session before 421.
        package var authFailures = 3
        /// Commands that move nothing (NOOP, RSET, VRFY, EHLO, MAIL ...) since the last accepted message before 421.
        package var unproductiveCommands = 200
        /// Octets below which a chunk (RFC 3030) that is not the last counts as unproductive.
        package var smallChunk = 512
        /// Messages of a session before 421.
        package var transactions = 10_000
        /// Octets of a line in a message.
        ///
        /// RFC 5321 §4.5.3.1.6 says 1000; senders that break it are borne up to here.
        package var textLine = 64 << 10
        /// Octets held while the shell works on an action; more than it should read in that time.
        package var heldInput = 512 << 10

        package init() {}
    }

    package var role: Role
    /// In the greeting, in EHLO's and in QUIT's reply.
    package var hostname: String
    package var limits = Limits()
    /// STARTTLS can be offered.
    package var offersTLS: Bool
    /// Mechanisms in upper case, best first; empty: no AUTH.
    package var mechanisms: [String]
    /// Mechanisms that are taken and not announced.
    package var unlistedMechanisms: [String] = []
    /// AUTH without TLS: loopback listeners in tests only.
    package var allowsPlaintextAuth: Bool
    /// MAIL needs AUTH first (RFC 6409 §4.3).
    package var requiresAuth: Bool

    package init(
        role: Role,
        hostname: String,
        limits: Limits = Limits(),
        offersTLS: Bool = false,
        mechanisms: [String] = [],
        allowsPlaintextAuth: Bool = false
    ) {
        self.role = role
        self.hostname = hostname
        self.limits = limits
        self.offersTLS = offersTLS
        self.mechanisms = mechanisms
        self.allowsPlaintextAuth = allowsPlaintextAuth
        self.requiresAuth = role == .submission
    }
}
