package import MailModel

package struct VerifyReport: Sendable {
    package var accounts: Int
    package var mailboxes: Int
    package var messages: Int
    package var blobs: Int
    /// Each names what is wrong and where; empty when the store is sound.
    package var findings: [String]
    package init(accounts: Int = 0, mailboxes: Int = 0, messages: Int = 0, blobs: Int = 0, findings: [String] = []) {
        self.accounts = accounts
        self.mailboxes = mailboxes
        self.messages = messages
        self.blobs = blobs
        self.findings = findings
    }
}

/// The store as a whole: health, verification, backup.
package protocol MaintenanceStore: Sendable {
    /// A write and a read, bounded in time.
    func checkHealth() async throws(StoreError)
    /// Counters against rows, blobs against hashes, UIDs below UIDNEXT, quota sums; works beside a running server.
    func verify() async throws(StoreError) -> VerifyReport
    /// A consistent copy of everything (database and large blobs) in one file, made while others write.
    func backup(toFile path: String) async throws(StoreError)
    /// Removes blobs that no row names, older than the grace period. Returns how many.
    func sweepBlobs(graceSeconds: Int64, now: Timestamp) async throws(StoreError) -> Int
    /// Writes the facts of every domain to the cache that processes share.
    ///
    /// How many; nil when there is no such cache.
    func warmDomainCache() async throws(StoreError) -> Int?
    /// Waits for what is being written and closes. Later calls throw `.unavailable`.
    func close() async
}
