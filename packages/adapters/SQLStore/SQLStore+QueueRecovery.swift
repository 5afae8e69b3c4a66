import Database
package import MailModel
package import MailPorts

extension SQLStore {
    /// Makes what a process that died had leased due at once, instead of when its leases run out.
    ///
    /// Only for a store that one process at a time sends from, at its start: the fence of a lease that was taken back
    /// is no longer valid, as after it ran out. Returns how many recipients were leased.
    @discardableResult
    package func takeBackLeases(now: Timestamp) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            let fence = try Self.next("fence", connection)
            return try connection.execute(
                """
                UPDATE queue_recipients SET state = 'waiting', next_attempt_at = $1, lease_until = 0, fence = $2
                WHERE state = 'leased'
                """,
                [.integer(now.microseconds), .integer(fence)]
            )
        }
    }
}
