import Accounts
import HTTPKit
import MailModel
import MailPorts
import Telemetry

/// `/api/users/me/sessions`.
extension AuthRoutes {
    private struct Document: Encodable {
        var id: String
        var device: String
        var createdAt: String?
        var lastUsedAt: String?
        var lastUsedFrom: String?
        var isCurrent: Bool
        /// Who acts as the caller in it.
        var acting: Actor?
    }

    private struct Actor: Encodable {
        var actor: String
        var reason: String
        var since: String?
        var until: String
        /// That were answered so far.
        var requests: Int64
    }

    private struct Documents: Encodable {
        var sessions: [Document]
        var next: String?
    }

    @Sendable func listSessions(_ request: APIRequest, _ caller: SignedIn) async throws -> APIResponse {
        let query = try request.list(
            sorts: ["created_at", "last_used_at", "device"],
            order: "-created_at",
            filters: ["text"]
        )
        let known = try await tokens.sessions(of: caller.account.id, now: clock.now()).map {
            Document(
                id: $0.family,
                device: $0.device,
                createdAt: $0.createdAt.map(RFC3339.text),
                lastUsedAt: $0.lastUse.map { RFC3339.text($0.at) },
                lastUsedFrom: $0.lastUse?.remote?.description,
                isCurrent: $0.family == caller.family,
                acting: Self.actor(of: $0)
            )
        }
        .filter { query.finds(in: $0.device, $0.lastUsedFrom) }
        let page = try query.page(
            of: known,
            keys: [
                "created_at": { $0.createdAt ?? "" }, "last_used_at": { $0.lastUsedAt ?? "" }, "device": { $0.device },
            ],
            id: { $0.id }
        )
        return request.linked(try .json(Documents(sessions: page.items, next: page.next)), next: page.next)
    }

    private static func actor(of session: SignInSession) -> Actor? {
        session.actor.map {
            Actor(
                actor: $0.address,
                reason: $0.reason,
                since: session.createdAt.map(RFC3339.text),
                until: RFC3339.text($0.until),
                requests: $0.requests
            )
        }
    }

    @Sendable func revokeSession(_ request: APIRequest, _ caller: SignedIn) async throws -> APIResponse {
        try await tokens.revokeSession(
            request.parameter("id"),
            of: caller.account,
            remote: request.remote,
            now: clock.now()
        )
        return .noContent
    }

    private struct Revoked: Encodable {
        var revoked: Int
    }

    @Sendable func revokeOtherSessions(_ request: APIRequest, _ caller: SignedIn) async throws -> APIResponse {
        let count = try await tokens.revokeSessions(
            of: caller.account,
            except: caller.family,
            actor: caller.account.primaryAddress.canonical,
            remote: request.remote,
            now: clock.now()
        )
        return try .json(Revoked(revoked: count))
    }
}
