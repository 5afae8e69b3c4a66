import Database
import Glibc
package import MailModel
package import MailPorts
import Synchronization

extension SQLStore: MaintenanceStore {
    /// How long a write and a read may take before the store counts as ill.
    static let healthSeconds = 5.0

    package func checkHealth() async throws(StoreError) {
        let database = self.database
        let late = StoreError.unavailable(reportID: "health")
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            let once = Once { continuation.resume(returning: $0) }
            let waiting = Task {
                try? await Task.sleep(for: .seconds(Self.healthSeconds))
                once.give(.failure(late))
            }
            Task {
                do throws(StoreError) {
                    let written = try await database.write { connection throws(StoreError) in
                        try Self.next("health", connection)
                    }
                    let read = try await database.read { connection throws(StoreError) in
                        try connection.first("SELECT next FROM sequences WHERE name = 'health'") {
                            row throws(StoreError) in row.integer(0)
                        }
                    }
                    once.give((read ?? 0) > written ? .success(()) : .failure(.damaged(reportID: "health")))
                } catch {
                    once.give(.failure(error))
                }
                waiting.cancel()
            }
        }
        try result.get()
    }

    /// Gives its first result only.
    private final class Once: Sendable {
        private let isGiven = Atomic<Bool>(false)
        private let give: @Sendable (Result<Void, StoreError>) -> Void
        init(_ give: @escaping @Sendable (Result<Void, StoreError>) -> Void) { self.give = give }
        func give(_ result: Result<Void, StoreError>) {
            if !isGiven.exchange(true, ordering: .relaxed) { give(result) }
        }
    }

    package func sweepBlobs(graceSeconds: Int64, now: Timestamp) async throws(StoreError) -> Int {
        // A delivery puts its blob before the row that names it: no shorter than any commit waits.
        let moment = now.adding(seconds: -max(60, graceSeconds))
        // A backup copies the rows first and then the blobs that they name.
        guard let lock = try maintenanceLock(LOCK_EX) else { return 0 }
        defer { lock.release() }
        var removed = 0
        var after: BlobHash?
        while true {
            let candidates = try await blobs.list(after: after, limit: 500, olderThan: moment)
            guard let last = candidates.last else { return removed }
            let orphans = try await database.read { connection throws(StoreError) in
                var orphans: [BlobHash] = []
                for hash in candidates where try !Self.isNamed(hash, connection) { orphans.append(hash) }
                return orphans
            }
            for hash in orphans where try await blobs.remove(hash, ifPutBefore: moment) { removed += 1 }
            after = last
        }
    }

    /// Whether a row names the large blob.
    static func isNamed(_ hash: BlobHash, _ connection: any SQLConnection) throws(StoreError) -> Bool {
        try connection.first(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM emails WHERE blob_hash = $1 AND is_inline = 0)
            OR EXISTS (SELECT 1 FROM queue_messages WHERE blob_hash = $1 AND data IS NULL)
            """,
            [.bytes(hash.bytes)]
        ) { _ throws(StoreError) in true } == true
    }

    package func close() async { await database.close() }

    // MARK: - One at a time

    /// Keeps sweeps from backups, in whatever process each runs.
    struct MaintenanceLock {
        fileprivate var descriptor: Int32
        func release() { if descriptor >= 0 { Glibc.close(descriptor) } }
    }

    /// nil when another process or task holds it otherwise.
    func maintenanceLock(_ kind: Int32) throws(StoreError) -> MaintenanceLock? {
        guard let folder else { return MaintenanceLock(descriptor: -1) }
        let descriptor = Glibc.open("\(folder)/maintenance.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .unavailable(
                reportID: reports.report(
                    "the store cannot be locked for maintenance",
                    cause: String(cString: strerror(errno))
                )
            )
        }
        guard flock(descriptor, kind | LOCK_NB) == 0 else {
            Glibc.close(descriptor)
            return nil
        }
        return MaintenanceLock(descriptor: descriptor)
    }
}
