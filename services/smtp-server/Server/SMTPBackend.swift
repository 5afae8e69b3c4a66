package import Accounts
package import Logging
package import MailDelivery
package import MailModel
package import MailPolicy
package import MailPorts
import Metrics
package import NIOPosix

/// What the SMTP connections of a process share.
package struct SMTPBackend: Sendable {
    package var directory: any DirectoryStore
    package var addresses: any AddressBook
    package var intake: MessageIntake
    package var authenticator: AccountAuthenticator
    package var limiter: any RateLimiter
    package var policies: PolicyGuard
    package var trace: any TraceStore
    /// nil: nobody sends with another's address.
    package var grants: (any SendingGrantStore)?
    /// nil: nobody may send for whole domains.
    package var permissions: (any DomainPermissionStore)?
    /// nil: nobody takes note of what clients do.
    package var conduct: (any ConductNoting)?
    /// nil: no domain's people come from a directory.
    package var people: (any PeopleDirectories)?
    package var clock: any WallClock
    /// For spool files.
    package var threads: NIOThreadPool
    package var logger: Logger
    let metrics = SMTPMetrics()

    package init(
        directory: any DirectoryStore,
        addresses: any AddressBook,
        intake: MessageIntake,
        authenticator: AccountAuthenticator,
        limiter: any RateLimiter,
        policies: PolicyGuard,
        trace: any TraceStore,
        clock: any WallClock,
        threads: NIOThreadPool,
        logger: Logger
    ) {
        self.directory = directory
        self.addresses = addresses
        self.intake = intake
        self.authenticator = authenticator
        self.limiter = limiter
        self.policies = policies
        self.trace = trace
        self.clock = clock
        self.threads = threads
        self.logger = logger
    }
}

struct SMTPMetrics: Sendable {
    let accepted = Counter(label: "oonrumail_smtp_messages_accepted_total")
    let refused = Counter(label: "oonrumail_smtp_messages_refused_total")
    let refusedRecipients = Counter(label: "oonrumail_smtp_recipients_refused_total")
    let octets = Counter(label: "oonrumail_smtp_octets_accepted_total")
}
