package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// `/api/accounts/{id}/act`: an administrator acts as somebody else.
///
/// Invariants: `ActingService` decides who may; the guard of each route, what such a token opens.
package struct ActingRoutes: Sendable {
    static let path = "/api/accounts/{id}/act"

    private let acting: ActingService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(acting: ActingService, tokens: TokenService, clock: any WallClock) {
        self.acting = acting
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let inSession = BearerGuard.sessions(tokens, clock)
        set.post(Self.path, inSession(begin))
        set.delete(Self.path, inSession(end))
        Self.describe(&set)
        return set
    }

    private static func account(_ request: APIRequest) throws(Problem) -> AccountID {
        AccountID(try request.number())
    }

    /// RFC 6749 §5.1 names.
    private struct Token: Encodable {
        var accessToken: String
        var tokenType = "Bearer"
        var expiresIn: Int64
        /// What the account's list of sessions calls it.
        var session: String
    }

    @Sendable private func begin(_ request: APIRequest, _ caller: SignedIn) async throws -> APIResponse {
        let now = clock.now()
        let token = try await acting.begin(
            as: try Self.account(request),
            reason: try await request.decode(ReasonDocument.self).reason,
            by: caller,
            from: request.origin,
            now: now
        )
        let document = Token(
            accessToken: token.text,
            expiresIn: token.session.actor.until.seconds - now.seconds,
            session: token.session.family
        )
        return try .json(document, status: 201, headers: ["Cache-Control": "no-store"])
    }

    @Sendable private func end(_ request: APIRequest, _ caller: SignedIn) async throws -> APIResponse {
        let count = try await acting.end(
            as: try Self.account(request),
            by: caller.account,
            remote: request.remote,
            now: clock.now()
        )
        guard count > 0 else { throw Problem.notFound("You do not act as this account.") }
        return .noContent
    }

    private static func describe(_ set: inout RouteSet) {
        let role = "The caller's role or the platform's settings do not allow it"
        set.describe(
            "POST",
            path,
            RouteDescription(
                "Act as an account: a token of it, good for reading and for settings of its mail; its owner is told by mail",
                body: ["reason"],
                answers: [
                    201: "The token", 403: role, 404: "None that the caller sees",
                    409: "It is not active, or takes no mail",
                ],
                required: ["reason"],
                schemas: [
                    201: .object([
                        "access_token": .text, "token_type": .text, "expires_in": .integer, "session": .text,
                    ])
                ]
            )
        )
        set.describe(
            "DELETE",
            path,
            RouteDescription(
                "Stop acting as an account",
                answers: [204: "It is over", 403: role, 404: "The caller does not act as it"]
            )
        )
    }
}
