package import MailModel

/// Hands out the ports of one process.
///
/// Each is made once, when first asked for, so a process opens only
/// the backends that its services use.
package protocol PortProvider: Sendable {
    func directory() async throws -> any DirectoryStore
    func domains() async throws -> any DomainStore
    func mailboxes() async throws -> any MailboxStore
    func deliveries() async throws -> any DeliveryStore
    func queue() async throws -> any QueueStore
    func trace() async throws -> any TraceStore
    func sessions() async throws -> any SessionStore
    func credentials() async throws -> any CredentialStore & SecondFactorStore
    func audit() async throws -> any AuditStore
    func maintenance() async throws -> any MaintenanceStore
    func changes() async throws -> any ChangeFeed
    func limits() async throws -> any RateLimiter
    func resolver() async throws -> any DNSResolving
    /// A new one with an empty cache, for who must see what is published now.
    func publishedRecords() async throws -> any PublishedRecordReading
    func transport() async throws -> any RemoteTransport
    func clock() -> any WallClock
}
