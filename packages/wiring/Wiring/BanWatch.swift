import ClientConduct
import Logging
import MailCrypto
import MailPorts
import SQLStore
import ServiceHost
import ServiceLifecycle

/// Counts what clients do, and follows what other processes ban, until the process is told to stop.
struct BanWatch: Service {
    let ledger: ConductLedger
    let interval: Duration

    init(_ ledger: ConductLedger, _ interval: Duration) { (self.ledger, self.interval) = (ledger, interval) }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await ledger.run() }
                group.addTask { await ledger.follow(every: interval) }
            }
        }
    }
}

extension ConductLedger {
    /// Knows the bans in force before anybody is let in.
    static func open(_ platform: Platform) async throws -> ConductLedger {
        let store = platform.ports.store
        let sealed = try await store.platformSecret("conduct-key") {
            SecretBox.seal(SecureRandom.bytes(32), with: platform.masterKey)
        }
        guard let key = try? SecretBox.open(sealed, with: platform.masterKey) else {
            throw StoreError.refused("the key of attempts in the store was not sealed with this master key")
        }
        let ledger = ConductLedger(
            table: BanTable(BanPolicy(platform.settings), clock: platform.clock),
            store: store,
            limiter: platform.backends.conductLimiter,
            key: key,
            clock: platform.clock
        )
        try await ledger.look()
        return ledger
    }
}
