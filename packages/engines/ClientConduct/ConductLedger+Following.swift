import Logging
import MailModel
package import MailPorts

/// What other processes have banned and lifted.
extension ConductLedger {
    /// Changes read at once.
    private static let page = 1_000
    /// Rows swept at once.
    private static let sweepSize = 1_000
    private static let sweepSeconds: Int64 = 600

    /// Reads what any process has changed since the last call.
    package func look() async throws(StoreError) {
        let isFirst = table.position == 0
        while true {
            let changes = try await store.banChanges(after: table.position, limit: Self.page)
            for network in table.take(changes) where !isFirst {
                // Lifted: nothing that was counted before stands against it.
                await forget(BanPolicy.Place(network: network, factor: 1))
            }
            guard changes.count == Self.page else { return }
        }
    }

    /// Looks every `interval` and sweeps now and then, until the task is cancelled; a store that is away is asked again.
    package func follow(every interval: Duration) async {
        var isAway = false
        var sweptAt: Int64 = 0
        while !Task.isCancelled {
            do throws(StoreError) {
                try await look()
                let now = clock.now()
                if now.seconds - sweptAt >= Self.sweepSeconds {
                    sweptAt = now.seconds
                    _ = try await store.sweepBans(
                        endedBefore: now.adding(seconds: -policy.growth.memorySeconds),
                        limit: Self.sweepSize
                    )
                }
                isAway = false
            } catch {
                if !isAway { logger.warning("bans cannot be read", metadata: ["error": .string("\(error)")]) }
                isAway = true
            }
            try? await Task.sleep(for: interval)
        }
    }
}
