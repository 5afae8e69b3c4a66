package import MailModel

/// Hands out the ports of one process.
///
/// Each is made once, when first asked for, so a process opens only
/// the backends that its services use.
package protocol PortProvider: Sendable {
    func directory() async throws -> any DirectoryStore
    func domains() async throws -> any DomainStore
    func addresses() async throws -> any AddressBook
    func bulk() async throws -> any BulkStore
    func mailboxes() async throws -> any MailboxStore
    func mailboxSharing() async throws -> any MailboxSharingStore
    func deliveries() async throws -> any DeliveryStore
    func queue() async throws -> any QueueStore
    func trace() async throws -> any TraceStore
    func statistics() async throws -> any StatisticsStore
    func sessions() async throws -> any SessionStore
    func credentials() async throws -> any CredentialStore & SecondFactorStore
    func passkeys() async throws -> any PasskeyStore
    func flags() async throws -> any FlagStore
    func sendingGrants() async throws -> any SendingGrantStore
    func domainPermissions() async throws -> any DomainPermissionStore
    func tokenKeys() async throws -> any TokenKeyStore
    func oauth() async throws -> any OAuthClientStore & OAuthGrantStore
    func audit() async throws -> any AuditStore
    func singleSignOn() async throws -> any SingleSignOnStore
    func identityProviders() async throws -> any IdentityProviderFetching
    func peopleDirectories() async throws -> any PeopleDirectoryStore
    func directoryClients() async throws -> any PeopleDirectoryAsking
    func webhooks() async throws -> any WebhookStore
    func webhookSender() async throws -> any WebhookSending
    func zones() async throws -> any ZoneStore
    func zonePublishing() async throws -> any ZonePublishing
    func secrets() async throws -> any SecretSealing
    func keptAnswers() async throws -> any KeptAnswerStore
    func maintenance() async throws -> any MaintenanceStore
    func policies() async throws -> any PolicyStore
    func people() async throws -> any PeopleStore
    func registrations() async throws -> any RegistrationStore
    func signUps() async throws -> any SignUpStore
    func avatars() async throws -> any AvatarStore
    func vacations() async throws -> any VacationStore
    func identities() async throws -> any IdentityStore
    func scripts() async throws -> any ScriptStore
    func accountAddresses() async throws -> any AccountAddressStore
    func branding() async throws -> any BrandingStore
    func recovery() async throws -> any RecoveryStore
    func invitations() async throws -> any InvitationStore
    func quotas() async throws -> any QuotaStore
    func certificates() async throws -> any CertificateStore
    func sealedValues() async throws -> any SealedValueStore
    func bans() async throws -> any BanStore
    func changes() async throws -> any ChangeFeed
    func limits() async throws -> any RateLimiter
    func resolver() async throws -> any DNSResolving
    /// A new one with an empty cache, for who must see what is published now.
    func publishedRecords() async throws -> any PublishedRecordReading
    func transport() async throws -> any RemoteTransport
    func searchSource() async throws -> any SearchSourceStore
    /// nil where there is none.
    func searchIndex() async throws -> (any SearchIndex)?
    func clock() -> any WallClock
}
