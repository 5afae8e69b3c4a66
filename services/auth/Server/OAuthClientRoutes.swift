import Accounts
package import HTTPKit
import MailModel
import MailPorts
import OpenIDProvider
import ServiceHost
import Telemetry

/// Programs that may sign people in here, for managers; and what a person has let in.
///
/// Invariants: an organisation's managers see and change its own programs only; a secret is shown once.
package struct OAuthClientRoutes: Sendable {
    private let context: OpenIDContext
    private let registry: ClientRegistry

    package init(_ context: OpenIDContext, limit: Int) {
        self.context = context
        registry = ClientRegistry(store: context.clients, limit: limit)
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: { Self.problem($0) ?? StoreProblem.problem($0) })
        let signedIn = BearerGuard.tokens(context.auth.tokens, context.auth.clock)
        set.get("/api/oauth/clients", signedIn(list))
        set.post("/api/oauth/clients", signedIn(add))
        set.get("/api/oauth/clients/{id}", signedIn(show))
        set.put("/api/oauth/clients/{id}", signedIn(change))
        set.delete("/api/oauth/clients/{id}", signedIn(remove))
        set.post("/api/oauth/clients/{id}/secret", signedIn(renewSecret))
        set.get("/api/users/me/applications", signedIn(listApplications))
        set.delete("/api/users/me/applications/{id}", signedIn(removeApplication))
        Self.describe(&set)
        return set
    }

    @Sendable private static func problem(_ error: any Error) -> Problem? {
        guard let error = error as? ClientRegistryError else { return nil }
        switch error {
        case .refused(let field, let why): return .invalid(field, why)
        case .store(let cause): return StoreProblem.problem(cause)
        }
    }

    // MARK: - Documents

    private struct Document: Encodable {
        var clientId: String
        var clientSecret: String?
        var organisationId: Int64?
        var name: String
        var kind: String
        var redirectUris: [String]
        var scopes: [String]
        var idTokenSignedResponseAlg: String
        var createdAt: String
        var createdBy: String

        init(_ client: OAuthClient, secret: String? = nil) {
            clientId = client.id
            clientSecret = secret
            organisationId = client.organisation?.rawValue
            name = client.name
            kind = client.isPublic ? "public" : "confidential"
            redirectUris = client.redirectURIs
            scopes = client.scopes
            idTokenSignedResponseAlg = client.idTokenAlgorithm.rawValue
            createdAt = RFC3339.text(client.createdAt)
            createdBy = client.createdBy
        }
    }

    /// Without and with a secret.
    static let kinds = ["public", "confidential"]

    private struct NewClient: RequestDocument {
        static let members: Set<String> = [
            "name", "redirect_uris", "scopes", "kind", "id_token_signed_response_alg", "organisation_id",
        ]
        var name: String
        var redirectURIs: [String]
        var scopes: [String]
        var kind: String?
        var algorithm: String?
        var organisation: Int64?

        private enum CodingKeys: String, CodingKey {
            case name, scopes, kind
            case redirectURIs = "redirect_uris"
            case algorithm = "id_token_signed_response_alg"
            case organisation = "organisation_id"
        }
    }

    private struct ChangedClient: RequestDocument {
        static let members: Set<String> = ["name", "redirect_uris", "scopes", "id_token_signed_response_alg"]
        var name: String
        var redirectURIs: [String]
        var scopes: [String]
        var algorithm: String?

        private enum CodingKeys: String, CodingKey {
            case name, scopes
            case redirectURIs = "redirect_uris"
            case algorithm = "id_token_signed_response_alg"
        }
    }

    // MARK: - For managers

    private func actor(_ request: APIRequest, _ caller: Account) throws(Problem) -> ClientActor {
        guard [.owner, .admin, .platformAdmin].contains(caller.role) else { throw .forbidden() }
        return ClientActor(
            name: caller.primaryAddress.canonical,
            organisation: caller.role == .platformAdmin ? nil : caller.organisation,
            remote: request.remote
        )
    }

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = try actor(request, caller)
        let query = try request.list(ClientListing.Sort.self, filters: ["kind", "text", "organisation_id"])
        let asked = try query.number("organisation_id").map { OrganisationID($0) }
        var listing = ClientListing(organisation: actor.organisation ?? asked, limit: query.limit)
        listing.isPublic = try query.choice("kind", of: Self.kinds).map { $0 == Self.kinds[0] }
        listing.text = query.filters["text"]
        let found = try await context.clients.oauthClients(try query.applied(to: listing))
        return try request.answer("clients", found, query) { Document($0) }
    }

    @Sendable private func add(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = try actor(request, caller)
        let given = try await request.decode(NewClient.self)
        guard Self.kinds.contains(given.kind ?? "confidential") else {
            throw Problem.invalid("kind", "A program is public or confidential.")
        }
        // Only operators register programs for another organisation, or for all.
        let organisation = given.organisation.map { OrganisationID($0) } ?? actor.organisation
        guard actor.organisation == nil || organisation == actor.organisation else { throw Problem.notFound() }
        let (client, secret) = try await registry.add(
            ClientOrder(
                name: given.name,
                redirectURIs: given.redirectURIs,
                scopes: given.scopes,
                isPublic: given.kind == "public",
                idTokenAlgorithm: given.algorithm ?? TokenAlgorithm.es256.rawValue
            ),
            of: organisation,
            by: actor,
            now: context.auth.clock.now()
        )
        return try .json(
            Document(client, secret: secret),
            status: 201,
            headers: ["Location": "/api/oauth/clients/\(client.id)"]
        )
    }

    private func client(_ request: APIRequest, _ actor: ClientActor) async throws -> OAuthClient {
        let id = request.parameter("id")
        guard id.utf8.count <= OAuthClient.longestID else { throw Problem.notFound() }
        return try await registry.client(id, for: actor)
    }

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let client = try await client(request, try actor(request, caller))
        return try .json(Document(client)).tagged(version: client.version)
    }

    @Sendable private func change(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = try actor(request, caller)
        let given = try await request.decode(ChangedClient.self)
        let client = try await client(request, actor)
        let order = ClientOrder(
            name: given.name,
            redirectURIs: given.redirectURIs,
            scopes: given.scopes,
            isPublic: client.isPublic,
            idTokenAlgorithm: given.algorithm ?? client.idTokenAlgorithm.rawValue
        )
        let changed: OAuthClient
        do throws(ClientRegistryError) {
            let now = context.auth.clock.now()
            changed = try await registry.change(client, to: order, by: actor, now: now)
        } catch {
            guard error == .store(.notFound) else { throw error }
            throw Problem(409, detail: "It was changed meanwhile; read it again.")
        }
        return try .json(Document(changed)).tagged(version: changed.version)
    }

    @Sendable private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = try actor(request, caller)
        let client = try await client(request, actor)
        try await registry.remove(client.id, by: actor, now: context.auth.clock.now())
        return .noContent
    }

    private struct Secret: Encodable {
        var clientSecret: String
    }

    @Sendable private func renewSecret(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = try actor(request, caller)
        let client = try await client(request, actor)
        let secret = try await registry.renewSecret(of: client, by: actor, now: context.auth.clock.now())
        guard let secret else { throw Problem(409, detail: "The program keeps no secret.") }
        return try .json(Secret(clientSecret: secret))
    }

    // MARK: - One's own

    private struct Application: Encodable {
        var clientId: String
        var name: String
        var scopes: [String]
        var allowedAt: String
    }

    private struct Applications: Encodable {
        var applications: [Application]
        var next: String?
    }

    @Sendable private func listApplications(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["name", "allowed_at"], filters: ["text", "scope"])
        let scope = query.filters["scope"]
        let page = try query.page(
            of: try await context.clients.oauthConsents(of: caller.id).map {
                Application(
                    clientId: $0.client,
                    name: $0.clientName,
                    scopes: $0.scopes,
                    allowedAt: RFC3339.text($0.givenAt)
                )
            }
            .filter { (scope.map($0.scopes.contains) ?? true) && query.finds(in: $0.name, $0.clientId) },
            keys: ["name": { $0.name }, "allowed_at": { $0.allowedAt }],
            id: { $0.clientId }
        )
        return request.linked(try .json(Applications(applications: page.items, next: page.next)), next: page.next)
    }

    @Sendable private func removeApplication(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let client = request.parameter("id")
        guard client.utf8.count <= OAuthClient.longestID else { throw Problem.notFound() }
        try await context.clients.withdrawOAuthConsent(
            of: caller.id,
            from: client,
            audit: AuditEvent(
                at: context.auth.clock.now(),
                actor: caller.primaryAddress.canonical,
                action: "oauth.withdraw",
                subject: caller.primaryAddress.canonical,
                remote: request.remote,
                detail: AuditDetail().adding("client", client).text
            )
        )
        return .noContent
    }
}
