import Accounts
import Logging
import MailModel
import MailPorts
import MailboxEngine
import Metrics
import NetKit
import Synchronization

/// What all sessions of one process share.
final class SessionServices: Sendable {
    let configuration: IMAPServiceConfiguration
    private let store: any MailboxStore
    let sharing: MailboxSharing
    let quotas: any QuotaStore
    let indexes: MailboxIndexes
    let authenticator: AccountAuthenticator
    let tls: TLSContextStore
    let clock: any WallClock
    /// nil: nobody takes note of what clients do.
    let conduct: (any ConductNoting)?
    let logger: Logger
    let gate: ByteGate
    private let sessions = Mutex<[AccountID: Int]>([:])
    private let signedIn = Gauge(label: "oonrumail_imap_sessions")

    init(
        configuration: IMAPServiceConfiguration,
        store: any MailboxStore,
        sharing: MailboxSharing,
        quotas: any QuotaStore,
        indexes: MailboxIndexes,
        authenticator: AccountAuthenticator,
        tls: TLSContextStore,
        clock: any WallClock,
        conduct: (any ConductNoting)?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.store = store
        self.sharing = sharing
        self.quotas = quotas
        self.indexes = indexes
        self.authenticator = authenticator
        self.tls = tls
        self.clock = clock
        self.conduct = conduct
        self.logger = logger
        gate = ByteGate(capacity: configuration.messageBudget)
    }

    /// What a session of the account may reach, and the only way to it.
    func access(of account: AccountID) -> MailboxAccess {
        MailboxAccess(reader: account, store: store, sharing: sharing.store)
    }

    /// False when the account has all the sessions it may have.
    func admit(_ account: AccountID) -> Bool {
        let (isAdmitted, count) = sessions.withLock { sessions in
            guard sessions[account, default: 0] < configuration.maximumConnectionsPerAccount else { return (false, 0) }
            sessions[account, default: 0] += 1
            return (true, sessions.values.reduce(0, +))
        }
        if isAdmitted { signedIn.record(count) }
        return isAdmitted
    }

    func leave(_ account: AccountID) {
        let count = sessions.withLock { sessions in
            let left = sessions[account, default: 1] - 1
            sessions[account] = left > 0 ? left : nil
            return sessions.values.reduce(0, +)
        }
        signedIn.record(count)
    }

    func count(_ command: String, _ outcome: String) {
        Counter(label: "oonrumail_imap_commands_total", dimensions: [("command", command), ("outcome", outcome)])
            .increment()
    }
}
