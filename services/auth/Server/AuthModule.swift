import Accounts
import ClientConduct
import Domains
import HTTPKit
import MailCrypto
import MailDelivery
import MailPorts
import MailboxEngine
import OpenIDProvider
import PlatformConfig
package import ServiceHost
import SingleSignOn

/// The auth service: sign-in, tokens, people and organisations.
package enum AuthModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        let providers = try await context.providerSignIn()
        let auth = AuthRoutes(
            authenticator: context.authenticator,
            tokens: context.tokens,
            accounts: context.accounts,
            audit: try await context.ports.audit(),
            factors: context.factors,
            passkeys: context.passkeys,
            appPasswords: context.appPasswords,
            clock: context.clock,
            providers: providers
        )
        let people = try await people(context)
        let mailer = try await context.mailer()
        let invitations = InvitationRoutes(
            invitations: try await invitations(context, people, mailer),
            tokens: context.tokens,
            clock: context.clock
        )
        let quotas = QuotaRoutes(
            quotas: try await context.ports.quotas(),
            tokens: context.tokens,
            clock: context.clock
        )
        let masked = MaskedAddressRoutes(
            addresses: try await context.addresses(),
            tokens: context.tokens,
            clock: context.clock
        )
        let grants = SendingGrants(
            store: try await context.ports.sendingGrants(),
            directory: try await context.ports.directory()
        )
        return HostedService(
            name: "auth",
            services: [try await accountUpkeep(people, context), keyUpkeep(context)],
            routes: try await provider(context, auth, providers) + [
                auth.routes(),
                PeopleRoutes(
                    people: people,
                    accounts: context.accounts,
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                ActingRoutes(
                    acting: ActingService(people: people, tokens: context.tokens, notices: mailer),
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                SignInPolicyRoutes(
                    people: people,
                    accounts: context.accounts,
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                RecoveryRoutes(recovery: try await recovery(context, mailer), auth: auth).routes(),
                PasskeyRoutes(auth: auth).routes(),
                FlagRoutes(flags: context.flags, auth: auth).routes(),
                GrantRoutes(grants: grants, auth: auth).routes(),
                try await mailboxRights(context, auth).routes(),
                ProviderRoutes(providers: providers, auth: auth).routes(),
                invitations.routes(),
                SignUpRoutes(
                    signUps: try await signUps(context, mailer),
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                RegistrationRoutes(
                    registrations: try await registrations(context, mailer),
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                ProfileRoutes(
                    people: people,
                    avatars: AvatarService(store: try await context.ports.avatars(), people: people),
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                VacationRoutes(
                    vacations: VacationService(store: try await context.ports.vacations(), people: people),
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                IdentityRoutes(
                    identities: try await identities(context),
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                try await scripts(context).routes(),
                AccountAddressRoutes(
                    addresses: AccountAddresses(
                        store: try await context.ports.accountAddresses(),
                        people: people,
                        limit: context.settings.accountAddresses
                    ),
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                BanRoutes(
                    bans: BanService(store: try await context.ports.bans(), policy: context.bans.policy),
                    auth: auth
                ).routes(),
                quotas.routes(),
                masked.routes(),
                OwnPermissionRoutes(
                    permissions: try await context.ports.domainPermissions(),
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
                WebhookRoutes(
                    webhooks: try await WebhookSettings(context.ports, context.settings),
                    people: people,
                    tokens: context.tokens,
                    clock: context.clock
                ).routes(),
            ]
        )
    }

    private static func mailboxRights(
        _ context: ServiceContext,
        _ auth: AuthRoutes
    ) async throws -> MailboxRightsRoutes {
        let quota = context.settings.quotaDefault
        return MailboxRightsRoutes(
            sharing: MailboxSharing(
                store: try await context.ports.mailboxSharing(),
                mailboxes: try await context.ports.mailboxes(),
                directory: try await context.ports.directory(),
                allowsAnyone: context.settings.sharesWithAnyone
            ),
            auth: auth,
            defaultQuota: quota > 0 ? Int64(quota) : nil
        )
    }

    private static func provider(
        _ context: ServiceContext,
        _ auth: AuthRoutes,
        _ providers: ProviderSignIn
    ) async throws -> [RouteSet] {
        guard let sessions = context.clientSessions else { return [AbsentProviderRoutes.routes()] }
        let sealed = try await context.ports.sessions().platformSecret("oauth-page-key") {
            SecretBox.seal(SecureRandom.bytes(32), with: context.masterKey)
        }
        guard let pageKey = try? SecretBox.open(sealed, with: context.masterKey) else {
            throw StoreError.refused("the key of the pages in the store was not sealed with this master key")
        }
        let store = try await context.ports.oauth()
        let registrar: ClientRegistrar? =
            switch context.settings.clientRegistration {
            case .closed: nil
            case .mailClients:
                ClientRegistrar(secret: pageKey, known: try KnownMailClients(context.settings.mailClientChanges))
            }
        let provider = OpenIDContext(
            auth: auth,
            sessions: sessions,
            clients: store,
            grants: store,
            directory: try await context.ports.directory(),
            limiter: try await context.ports.limits(),
            keys: context.tokens.keys,
            pageKey: pageKey,
            registrar: registrar,
            registrationRequests: context.settings.clientRegistrationRequests,
            providers: providers,
            secrets: try await context.ports.secrets(),
            asksPasskeys: context.settings.passkeyIssuer != nil
        )
        return [
            TokenRoutes(provider).routes(), AuthorizationRoutes(provider).routes(),
            OAuthClientRoutes(provider, limit: context.settings.providerClients).routes(),
            ClientRegistrationRoutes(provider).routes(),
        ]
    }

    private static func people(_ context: ServiceContext) async throws -> PeopleService {
        var limits = PeopleLimits()
        limits.graceSeconds = context.settings.accountGrace.components.seconds
        limits.isTimeZone = { TimeZoneNames.system.contains($0) }
        return PeopleService(
            store: try await context.ports.people(),
            directory: try await context.ports.directory(),
            permissions: try await context.ports.domainPermissions(),
            limits: limits
        )
    }
}
