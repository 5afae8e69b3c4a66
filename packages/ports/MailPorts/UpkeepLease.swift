package import MailModel

/// The right of one process to do a piece of upkeep alone, among those that share the store.
///
/// It lasts for a time, so that the work of a process which dies goes on elsewhere, and is given back by one that is done or stops.
package struct UpkeepLease: Sendable {
    private let store: any DomainStore
    private let task: String
    private let holder: String
    private let seconds: Int64
    private let clock: any WallClock

    /// - Parameters:
    ///   - task: names the work.
    ///   - holder: names this process.
    ///   - seconds: longer than the work takes between two calls of `holds`.
    package init(
        _ task: String,
        in store: any DomainStore,
        holder: String,
        seconds: Int64,
        clock: any WallClock
    ) {
        (self.store, self.task, self.holder, self.seconds, self.clock) = (store, task, holder, seconds, clock)
    }

    /// Takes it, or keeps it for its time again; false when another process has it.
    package func holds() async throws(StoreError) -> Bool {
        let now = clock.now()
        return try await store.takeUpkeep(task, holder: holder, until: now.adding(seconds: seconds), now: now)
    }

    /// Does the work and gives the lease back, whatever comes of it; nil when another process has it.
    package func during<Value: Sendable>(
        _ work: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value? {
        guard try await holds() else { return nil }
        let value: Value
        do throws(StoreError) {
            value = try await work()
        } catch {
            try? await giveBack()
            throw error
        }
        try await giveBack()
        return value
    }

    /// Whoever comes next need not wait for its end; nothing where another has it by now.
    package func giveBack() async throws(StoreError) {
        let now = clock.now()
        _ = try await store.takeUpkeep(task, holder: holder, until: now, now: now)
    }
}
