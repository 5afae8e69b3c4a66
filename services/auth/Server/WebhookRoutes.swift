package import Accounts
package import Domains
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// `/api/organisations/{id}/webhook`: where an organisation's programs are told of its domains.
///
/// Invariants: `PeopleService` decides who may; the secret is in the answer that made it and in no other.
package struct WebhookRoutes: Sendable {
    static let path = "/api/organisations/{id}/webhook"

    private let webhooks: WebhookSettings
    private let people: PeopleService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(webhooks: WebhookSettings, people: PeopleService, tokens: TokenService, clock: any WallClock) {
        self.webhooks = webhooks
        self.people = people
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, guarded { try await self.show($0, $1) })
        set.put(Self.path, guarded { try await self.replace($0, $1) })
        set.delete(Self.path, guarded { try await self.remove($0, $1) })
        set.post(Self.path + "/test", guarded { try await self.test($0, $1) })
        set.post(Self.path + "/rotate-secret", guarded { try await self.rotate($0, $1) })
        set.get(Self.path + "/deliveries", guarded { try await self.deliveries($0, $1) })
        Self.describe(&set)
        return set
    }

    /// The organisation of the path, for those who manage it.
    private func organisation(_ request: APIRequest, _ caller: Account) async throws -> OrganisationID {
        let number = try request.number()
        let actor = PeopleActor(caller, remote: request.remote)
        return try await people.organisation(OrganisationID(number), for: actor).id
    }

    private func event(
        _ action: String,
        _ organisation: OrganisationID,
        _ request: APIRequest,
        _ caller: Account
    ) -> AuditEvent {
        AuditEvent(
            at: clock.now(),
            actor: caller.primaryAddress.canonical,
            action: action,
            subject: "organisation \(organisation)",
            remote: request.remote
        )
    }

    // MARK: - Settings

    private struct Document: Encodable {
        var url: String
        var version: Int64
        var createdAt: String
        var changedAt: String
        /// Until when the secret before signs too.
        var previousSecretUntil: String?
        /// Only in the answer that made it.
        var secret: String?

        init(_ webhook: Webhook, _ secret: WebhookSecret? = nil) {
            url = webhook.address
            version = webhook.version
            createdAt = RFC3339.text(webhook.createdAt)
            changedAt = RFC3339.text(webhook.changedAt)
            previousSecretUntil = webhook.previousUntil.map { RFC3339.text($0) }
            self.secret = secret?.text
        }
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let found = try await webhooks.webhook(of: try await organisation(request, caller))
        return try .json(Document(found)).tagged(version: found.version)
    }

    private struct Wish: RequestDocument {
        static let members: Set<String> = ["url"]
        var url: String
    }

    private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let wish = try await request.decode(Wish.self)
        let organisation = try await organisation(request, caller)
        let made = try await webhooks.set(
            wish.url,
            of: organisation,
            replacing: try request.expectedVersion(),
            audit: event("webhook.set", organisation, request, caller)
        )
        let document = Document(made.webhook, made.secret)
        return try .json(document, status: made.secret == nil ? 200 : 201).tagged(version: made.webhook.version)
    }

    private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let organisation = try await organisation(request, caller)
        try await webhooks.remove(of: organisation, audit: event("webhook.remove", organisation, request, caller))
        return .noContent
    }

    private func rotate(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let organisation = try await organisation(request, caller)
        let made = try await webhooks.rotate(
            of: organisation,
            audit: event("webhook.rotate", organisation, request, caller)
        )
        return try .json(Document(made.webhook, made.secret))
    }

    // MARK: - Deliveries

    private struct TestDocument: Encodable {
        var ok: Bool
        var status: Int?
        var fault: String?
    }

    private func test(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let organisation = try await organisation(request, caller)
        let result = try await webhooks.test(of: organisation, now: clock.now())
        return try .json(TestDocument(ok: result.isGood, status: result.status, fault: result.fault))
    }

    private struct DeliveryDocument: Encodable {
        var id: Int64
        var event: String
        var type: String
        var createdAt: String
        /// `waiting`, `delivered`, `failed`.
        var state: String
        var attempts: Int
        var nextAttemptAt: String?
        var status: Int?
        var fault: String?
        var finishedAt: String?

        init(_ delivery: WebhookDelivery) {
            id = delivery.id.rawValue
            event = delivery.event
            type = delivery.kind
            createdAt = RFC3339.text(delivery.createdAt)
            state = delivery.state.rawValue
            attempts = delivery.attempts
            nextAttemptAt = delivery.nextAt.map { RFC3339.text($0) }
            status = delivery.status
            fault = delivery.fault
            finishedAt = delivery.finishedAt.map { RFC3339.text($0) }
        }
    }

    private func deliveries(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let organisation = try await organisation(request, caller)
        let query = try request.list(
            DeliveryListing.Sort.self,
            order: "-created_at",
            filters: ["state", "type", "event"]
        )
        var listing = DeliveryListing(organisation: organisation, limit: query.limit)
        (listing.kind, listing.event) = (query.filters["type"], query.filters["event"])
        listing.state = try query.choice("state")
        let found = try await webhooks.deliveries(try query.applied(to: listing))
        return try request.answer("deliveries", found, query) { DeliveryDocument($0) }
    }
}
