import Accounts
import AuthServer
import DomainManagerServer
import Domains
import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

struct FakeDomains: DomainAdministration {
    let directory: FakeDirectory
    func addDomain(
        _ name: String,
        organisation: OrganisationID,
        actor: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> HostedDomain {
        try await directory.addDomain(
            name,
            organisation: organisation,
            keys: [],
            audit: AuditEvent(at: now, actor: actor, action: "domain.add", subject: name, remote: remote)
        )
    }
    func records(of domain: String) async throws(StoreError) -> [PublishedRecord] {
        [PublishedRecord(name: domain, type: "MX", value: "10 mail.example.test.")]
    }
    func zoneFile(of domain: String) async throws(StoreError) -> String { "" }
}

@Suite struct APITests {
    static let password = "correct horse"
    let ports = FakePorts(clock: ManualClock())

    /// Two organisations; an administrator of the platform, and an owner and a member of the second.
    private func withAPI(
        resolver: FakeResolver = FakeResolver(),
        _ body: @Sendable (LoopbackClient) async throws -> Void
    ) async throws {
        let directory = ports.accounts
        let work = PasswordWork(hasher: PasswordHasher(memory: 8 << 10, passes: 1)) { $0() }
        let service = AccountService(directory: directory, passwords: work)
        let clock = ports.clock()
        for name in ["example.test", "shop.test"] {
            let organisation = try await directory.addOrganisation(name: name)
            _ = try await directory.addDomain(name, organisation: organisation.id, keys: [])
        }
        for (name, role) in [
            ("admin@example.test", Role.platformAdmin), ("owner@shop.test", .owner), ("member@shop.test", .member),
        ] {
            _ = try await service.addAccount(
                try #require(EmailAddress(name)),
                password: Self.password,
                role: role,
                actor: "cli",
                now: clock.now()
            )
        }
        let tokens = TokenService(
            sessions: directory,
            directory: directory,
            key: Ed25519PrivateKey(),
            limits: TokenLimits(issuer: "mail.example.test")
        )
        let auth = AuthRoutes(
            authenticator: AccountAuthenticator(
                directory: directory,
                credentials: ports.clients,
                limiter: ports.limiter,
                passwords: work
            ),
            tokens: tokens,
            accounts: service,
            audit: directory,
            factors: SecondFactorService(
                store: ports.clients,
                directory: directory,
                limiter: ports.limiter,
                tokens: tokens,
                masterKey: try #require(MasterKey(MasterKey.random())),
                issuer: "mail.example.test"
            ),
            passkeys: PasskeyService(
                store: ports.clients,
                directory: directory,
                key: [],
                policy: PasskeyPolicy(relyingParty: "mail.example.test", name: "Mail", origins: [])
            ),
            appPasswords: AppPasswordService(
                credentials: ports.clients,
                salts: SCRAMSalts(key: [])
            ),
            clock: clock
        )
        let health = HealthRegistry()
        health.addService("domain-manager", state: .running)
        let domains = DomainRoutes(
            gate: DomainGate(directory: directory, permissions: FakeDomainPermissions()),
            domains: FakeDomains(directory: directory),
            life: DomainLife(
                store: directory,
                directory: directory,
                keys: DomainService(
                    directory: directory,
                    master: try #require(MasterKey(MasterKey.random())),
                    host: MailHost(name: "mail.example.test")
                ),
                resolver: { resolver },
                resolverName: "a table",
                notice: OwnerNotice(people: try await ports.people(), mail: NoNotices())
            ),
            limits: ports.limiter,
            accounts: service,
            tokens: tokens,
            health: health,
            zones: FakeZones(),
            clock: clock
        )
        let people = PeopleService(
            store: try await ports.people(),
            directory: directory,
            permissions: FakeDomainPermissions()
        )
        let profiles = ProfileRoutes(
            people: people,
            avatars: AvatarService(store: try await ports.avatars(), people: people),
            tokens: tokens,
            clock: clock
        )
        try await withServer([auth.routes(), profiles.routes(), domains.routes()], body)
    }

    private static func signIn(_ client: LoopbackClient, _ user: String) async throws -> String {
        let answer = try await client.send(
            "POST",
            "/api/auth/login",
            json: #"{"email":"\#(user)","password":"\#(password)"}"#
        )
        #expect(answer.status == 200)
        return try #require(answer.json("access_token"))
    }

    @Test func signingInRefreshingAndOut() async throws {
        try await withAPI { client async throws in
            let login = try await client.send(
                "POST",
                "/api/auth/login",
                json: #"{"email":"owner@shop.test","password":"correct horse"}"#
            )
            #expect(login.json("token_type") == "Bearer" && login.json("expires_in") == "600")
            let me = try await client.send("GET", "/api/users/me", token: login.json("access_token"))
            #expect(me.json("email") == "owner@shop.test" && me.json("role") == "owner")
            let refresh = try #require(login.json("refresh_token"))
            let second = try await client.send("POST", "/api/auth/refresh", json: #"{"refresh_token":"\#(refresh)"}"#)
            #expect(second.status == 200)
            #expect(
                try await client.send(
                    "POST",
                    "/api/auth/logout",
                    json: #"{"refresh_token":"\#(second.json("refresh_token")!)"}"#
                ).status == 204
            )
            #expect(try await client.send("GET", "/api/users/me", token: second.json("access_token")).status == 401)
            #expect(
                try await client.send("POST", "/api/auth/refresh", json: #"{"refresh_token":"\#(refresh)"}"#).status
                    == 401
            )
            #expect(try await client.send("GET", "/.well-known/jwks.json").body.contains(#""crv":"Ed25519""#))
        }
    }

    @Test func wrongPasswordsAndUnknownAddressesReadTheSameAndAreCounted() async throws {
        try await withAPI { client async throws in
            let wrong = try await client.send(
                "POST",
                "/api/auth/login",
                json: #"{"email":"owner@shop.test","password":"x"}"#
            )
            let unknown = try await client.send(
                "POST",
                "/api/auth/login",
                json: #"{"email":"nobody@shop.test","password":"x"}"#
            )
            #expect(wrong.status == 401 && unknown.status == 401 && wrong.body == unknown.body)
            for _ in 0..<9 {
                _ = try await client.send(
                    "POST",
                    "/api/auth/login",
                    json: #"{"email":"owner@shop.test","password":"x"}"#
                )
            }
            let locked = try await client.send(
                "POST",
                "/api/auth/login",
                json: #"{"email":"owner@shop.test","password":"correct horse"}"#
            )
            #expect(locked.status == 429 && locked.headers["retry-after"] == "900")
        }
    }

    @Test func domainsAreListedMadeAndShown() async throws {
        try await withAPI { client async throws in
            let admin = try await Self.signIn(client, "admin@example.test")
            let made = try await client.send("POST", "/api/domains", json: #"{"name":"New.Test"}"#, token: admin)
            #expect(
                made.status == 201 && made.headers["location"] == "/api/domains/new.test"
                    && made.body.contains(#""type":"MX""#)
            )
            #expect(
                try await client.send("POST", "/api/domains", json: #"{"name":"new.test"}"#, token: admin).status == 409
            )
            #expect(
                try await client.send("POST", "/api/domains", json: #"{"name":"a..b"}"#, token: admin).status == 422
            )
            let page = try await client.send("GET", "/api/domains?limit=2", token: admin)
            let next = try #require(page.json("next"))
            let rest = try await client.send("GET", "/api/domains?limit=2&after=\(next)", token: admin)
            #expect(rest.body.contains("shop.test") && rest.json("next") == nil)
            #expect(
                try await client.send("GET", "/api/domains/NEW.test", token: admin).body.contains(
                    "10 mail.example.test."
                )
            )
            #expect(try await client.send("GET", "/api/domains/health").status == 200)
        }
    }

    @Test func ownersSeeTheirOwnOrganisationOnlyAndMembersNothing() async throws {
        try await withAPI { client async throws in
            let owner = try await Self.signIn(client, "owner@shop.test")
            let list = try await client.send("GET", "/api/domains", token: owner)
            #expect(list.body.contains("shop.test") && !list.body.contains("example.test"))
            #expect(try await client.send("GET", "/api/domains/example.test", token: owner).status == 404)
            #expect(try await client.send("GET", "/api/domains/example.test/accounts", token: owner).status == 404)
            #expect(
                try await client.send(
                    "POST",
                    "/api/domains",
                    json: #"{"name":"x.test","organisation_id":1}"#,
                    token: owner
                ).status == 403
            )
            let member = try await Self.signIn(client, "member@shop.test")
            #expect(try await client.send("GET", "/api/domains", token: member).status == 403)
            #expect(
                try await client.send("POST", "/api/domains", json: #"{"name":"x.test"}"#, token: member).status == 403
            )
            let body = #"{"email":"x@shop.test","password":"correct horse"}"#
            #expect(
                try await client.send("POST", "/api/domains/shop.test/accounts", json: body, token: member).status
                    == 403
            )
            #expect(try await client.send("GET", "/api/domains").status == 401)
        }
    }

    @Test func accountsAreMadeWithinOnesRank() async throws {
        try await withAPI { client async throws in
            let owner = try await Self.signIn(client, "owner@shop.test")
            let path = "/api/domains/shop.test/accounts"
            let made = try await client.send(
                "POST",
                path,
                json: #"{"email":"new@shop.test","password":"correct horse"}"#,
                token: owner
            )
            #expect(made.status == 201 && made.json("role") == "member" && !made.body.contains("\"password\""))
            #expect(
                try await client.send(
                    "POST",
                    path,
                    json: #"{"email":"new@shop.test","password":"correct horse"}"#,
                    token: owner
                ).status == 409
            )
            let short = try await client.send(
                "POST",
                path,
                json: #"{"email":"b@shop.test","password":"short"}"#,
                token: owner
            )
            #expect(short.status == 422 && short.body.contains("#/password"))
            #expect(
                try await client.send(
                    "POST",
                    path,
                    json: #"{"email":"b@example.test","password":"correct horse"}"#,
                    token: owner
                ).status == 422
            )
            let above = #"{"email":"b@shop.test","password":"correct horse","role":"platform-admin"}"#
            #expect(try await client.send("POST", path, json: above, token: owner).status == 403)
            let list = try await client.send("GET", path + "?limit=1", token: owner)
            let next = try #require(list.json("next"))
            let rest = try await client.send("GET", path + "?limit=1&after=\(next)", token: owner)
            #expect(rest.body.contains("new@shop.test") && !rest.body.contains("member@shop.test"))
            // A place in one order is none in another, nor in another list.
            for other in [path + "?sort=created_at&after=\(next)", "/api/domains?after=\(next)"] {
                #expect(try await client.send("GET", other, token: owner).status == 400)
            }
            _ = try await Self.signIn(client, "new@shop.test")
        }
    }
}
