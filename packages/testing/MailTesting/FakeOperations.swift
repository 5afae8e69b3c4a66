package import MailModel
package import MailPorts
package import NIOCore
import Synchronization

/// Queue, trace and maintenance that answer what a test told them to.
package final class FakeOperations: QueueStore, TraceStore, MaintenanceStore {
    private struct State {
        var entries: [QueueEntry] = []
        var attempts: [QueueAttempt] = []
        var events: [TraceEvent] = []
        var report = VerifyReport()
        var calls: [String] = []
        var health: StoreError?
        var audit: [AuditEvent] = []
    }

    private let state = Mutex(State())
    package init() {}

    package func put(entries: [QueueEntry], attempts: [QueueAttempt] = []) {
        state.withLock { ($0.entries, $0.attempts) = (entries, attempts) }
    }
    package func put(events: [TraceEvent]) { state.withLock { $0.events = events } }
    package func put(report: VerifyReport) { state.withLock { $0.report = report } }
    package func put(health: StoreError?) { state.withLock { $0.health = health } }
    /// What was asked, in order.
    package var calls: [String] { state.withLock { $0.calls } }
    /// Lines of what was done to the queue.
    package var audit: [AuditEvent] { state.withLock { $0.audit } }

    private func note(_ call: String) { state.withLock { $0.calls.append(call) } }

    private func select(_ selection: QueueSelection, _ word: String, _ audit: AuditEvent? = nil) -> Int {
        state.withLock { state in
            state.calls.append(word)
            let count = state.entries.count { entry in
                switch selection {
                case .everything: true
                case .message(let id): entry.queueID == id
                case .recipient(let address): entry.recipient == address
                case .domain(let domain): entry.recipient.domain == domain
                }
            }
            if count > 0, let audit { state.audit.append(audit) }
            return count
        }
    }

    // MARK: - Queue

    package func lease(_ claim: QueueClaim) async throws(StoreError) -> [QueueLease] { [] }
    package func renew(_ lease: QueueLease, now: Timestamp, until: Timestamp) async throws(StoreError) {
        throw .notFound
    }
    package func bringForward(now: Timestamp, beyond horizon: Int64) async throws(StoreError) -> Int { 0 }
    package func finish(_ lease: QueueLease, _ result: QueueResult) async throws(StoreError) { throw .notFound }
    package func read(_ id: QueueID, submitter: AccountID, range: Range<Int>) async throws(StoreError) -> ByteBuffer {
        throw .notFound
    }
    package func nextDue() async throws(StoreError) -> Timestamp? { nil }
    package func depth() async throws(StoreError) -> Int { state.withLock { $0.entries.count } }

    package func entries(after: QueueID?, limit: Int) async throws(StoreError) -> [QueueEntry] {
        state.withLock { state in
            Array(state.entries.filter { entry in after.map { entry.queueID > $0 } ?? true }.prefix(limit))
        }
    }

    package func entry(_ id: QueueID) async throws(StoreError) -> (recipients: [QueueEntry], attempts: [QueueAttempt]) {
        state.withLock { state in (state.entries.filter { $0.queueID == id }, state.attempts) }
    }

    package func retryNow(
        _ selection: QueueSelection,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        select(selection, "retry", audit)
    }
    package func hold(_ selection: QueueSelection, audit: AuditEvent) async throws(StoreError) -> Int {
        select(selection, "hold", audit)
    }
    package func release(
        _ selection: QueueSelection,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        select(selection, "release", audit)
    }
    package func cancel(_ selection: QueueSelection, actor: String, now: Timestamp) async throws(StoreError) -> Int {
        select(selection, "cancel")
    }

    // MARK: - Trace

    package func record(_ events: [TraceEvent]) async { state.withLock { $0.events += events } }

    package func find(_ key: String, since: Timestamp?, limit: Int) async throws(StoreError) -> [TraceEvent] {
        state.withLock { state in
            Array(
                state.events.filter { event in
                    (since.map { event.at >= $0 } ?? true)
                        && [event.queueID.rawValue, event.messageID, event.sender, event.recipient].contains(key)
                }.prefix(limit)
            )
        }
    }

    package func prune(olderThan: Timestamp) async throws(StoreError) -> Int {
        note("prune \(olderThan.seconds)")
        return 2
    }

    // MARK: - Maintenance

    package func checkHealth() async throws(StoreError) { if let error = state.withLock({ $0.health }) { throw error } }
    package func verify() async throws(StoreError) -> VerifyReport { state.withLock { $0.report } }
    package func backup(toFile path: String) async throws(StoreError) { note("backup \(path)") }

    package func sweepBlobs(graceSeconds: Int64, now: Timestamp) async throws(StoreError) -> Int {
        note("sweep \(graceSeconds)")
        return 3
    }

    package func warmDomainCache() async throws(StoreError) -> Int? { nil }

    package func close() async { note("close") }
}

/// The fakes as one provider; asking for a port that it has not is a mistake of the test.
package struct FakePorts: PortProvider {
    package let accounts = FakeDirectory()
    package let clients = FakeCredentials()
    package let operations = FakeOperations()
    package let limiter = FakeLimiter()
    package let rules = FakePolicies()
    package let rulesOfFlags = FakeFlags()
    package let grants = FakeSendingGrants()
    package let keys = FakeTokenKeys()
    package let looks = FakeBranding()
    package let answers = FakeKeptAnswers()
    package let watched = FakeCertificates()
    package let counted = FakeStatistics()
    package let listed = FakeBans()
    private let time: any WallClock

    package init(clock: any WallClock) { time = clock }

    package func directory() async throws -> any DirectoryStore { accounts }
    package func domains() async throws -> any DomainStore { accounts }
    package func addresses() async throws -> any AddressBook { accounts }
    package func bulk() async throws -> any BulkStore { FakeBulk() }
    package func sessions() async throws -> any SessionStore { accounts }
    package func credentials() async throws -> any CredentialStore & SecondFactorStore { clients }
    package func passkeys() async throws -> any PasskeyStore { clients }
    package func flags() async throws -> any FlagStore { rulesOfFlags }
    package func sendingGrants() async throws -> any SendingGrantStore { grants }
    package func domainPermissions() async throws -> any DomainPermissionStore { FakeDomainPermissions() }
    package func tokenKeys() async throws -> any TokenKeyStore { keys }
    package func oauth() async throws -> any OAuthClientStore & OAuthGrantStore { throw StoreError.refused("no fake") }
    package func queue() async throws -> any QueueStore { operations }
    package func trace() async throws -> any TraceStore { operations }
    package func statistics() async throws -> any StatisticsStore { counted }
    package func audit() async throws -> any AuditStore { accounts }
    package func singleSignOn() async throws -> any SingleSignOnStore { throw StoreError.refused("no fake") }
    package func identityProviders() async throws -> any IdentityProviderFetching {
        throw StoreError.refused("no fake")
    }
    package func peopleDirectories() async throws -> any PeopleDirectoryStore { throw StoreError.refused("no fake") }
    package func directoryClients() async throws -> any PeopleDirectoryAsking { throw StoreError.refused("no fake") }
    package func webhooks() async throws -> any WebhookStore { throw StoreError.refused("no fake") }
    package func webhookSender() async throws -> any WebhookSending { throw StoreError.refused("no fake") }
    package func zones() async throws -> any ZoneStore { FakeZones() }
    package func zonePublishing() async throws -> any ZonePublishing { FakeZoneServer() }
    package func secrets() async throws -> any SecretSealing { throw StoreError.refused("no fake") }
    package func keptAnswers() async throws -> any KeptAnswerStore { answers }
    package func maintenance() async throws -> any MaintenanceStore { operations }
    package func policies() async throws -> any PolicyStore { rules }
    package func people() async throws -> any PeopleStore { FakePeople(accounts) }
    package func registrations() async throws -> any RegistrationStore { throw StoreError.refused("no fake") }
    package func signUps() async throws -> any SignUpStore { throw StoreError.refused("no fake") }
    package func avatars() async throws -> any AvatarStore { FakeAvatars() }
    package func vacations() async throws -> any VacationStore { throw StoreError.refused("no fake") }
    package func identities() async throws -> any IdentityStore { throw StoreError.refused("no fake") }
    package func scripts() async throws -> any ScriptStore { throw StoreError.refused("no fake") }
    package func accountAddresses() async throws -> any AccountAddressStore { throw StoreError.refused("no fake") }
    package func branding() async throws -> any BrandingStore { looks }
    package func recovery() async throws -> any RecoveryStore { throw StoreError.refused("no fake") }
    package func invitations() async throws -> any InvitationStore { throw StoreError.refused("no fake") }
    package func quotas() async throws -> any QuotaStore { FakeQuotas(accounts) }
    package func certificates() async throws -> any CertificateStore { watched }
    package func sealedValues() async throws -> any SealedValueStore { throw StoreError.refused("no fake") }
    package func bans() async throws -> any BanStore { listed }
    package func limits() async throws -> any RateLimiter { limiter }
    package func clock() -> any WallClock { time }
    package func mailboxes() async throws -> any MailboxStore { throw StoreError.refused("no fake") }
    package func mailboxSharing() async throws -> any MailboxSharingStore { throw StoreError.refused("no fake") }
    package func deliveries() async throws -> any DeliveryStore { throw StoreError.refused("no fake") }
    package func searchSource() async throws -> any SearchSourceStore { throw StoreError.refused("no fake") }
    package func searchIndex() async throws -> (any SearchIndex)? { nil }
    package func changes() async throws -> any ChangeFeed { throw StoreError.refused("no fake") }
    package func resolver() async throws -> any DNSResolving { throw StoreError.refused("no fake") }
    package func publishedRecords() async throws -> any PublishedRecordReading { throw StoreError.refused("no fake") }
    package func transport() async throws -> any RemoteTransport { throw StoreError.refused("no fake") }
}
