import HTTPTypes
import MailModel

/// The routes of one service; several sets share a listener.
package struct RouteSet: Sendable {
    package typealias Handler = @Sendable (APIRequest) async throws -> APIResponse

    struct Route: Sendable {
        let method: HTTPRequest.Method
        let path: String
        /// Also for a token by which somebody acts as another.
        let admitsActing: Bool
        let handler: Handler
    }

    private(set) var routes: [Route] = []
    /// By method and path.
    var descriptions: [String: RouteDescription] = [:]
    /// Turns errors of the service's engines into what a client may read; nil: an unknown error (500).
    let problem: @Sendable (any Error) -> Problem?

    package init(problem: @escaping @Sendable (any Error) -> Problem? = { _ in nil }) { self.problem = problem }

    // A route is closed to whoever acts as somebody else unless it says that it is not.

    package mutating func get(_ path: String, whileActing: Bool = false, _ handler: @escaping Handler) {
        add(.get, path, whileActing, handler)
    }

    package mutating func post(_ path: String, whileActing: Bool = false, _ handler: @escaping Handler) {
        add(.post, path, whileActing, handler)
    }

    package mutating func put(_ path: String, whileActing: Bool = false, _ handler: @escaping Handler) {
        add(.put, path, whileActing, handler)
    }

    package mutating func patch(_ path: String, whileActing: Bool = false, _ handler: @escaping Handler) {
        add(.patch, path, whileActing, handler)
    }

    package mutating func delete(_ path: String, whileActing: Bool = false, _ handler: @escaping Handler) {
        add(.delete, path, whileActing, handler)
    }

    private mutating func add(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ whileActing: Bool,
        _ handler: @escaping Handler
    ) {
        routes.append(Route(method: method, path: path, admitsActing: whileActing, handler: handler))
    }
}

/// Demands an access token and hands whom it speaks for to the route.
///
/// A caller that is a `RequestPrincipal` goes through the gate: the rate of its account, and answers kept for requests that
/// are sent again.
///
/// Whoever acts as somebody else is refused, unless the route was added as open to them; there each of their requests is
/// written down before its answer goes out (`RouteAnswer`).
///
/// A token never comes from anywhere but the header.
package struct BearerGuard<Caller: Sendable>: Sendable {
    /// Whom a token speaks for.
    package struct Admission: Sendable {
        package var caller: Caller
        /// Who acts as the caller; nil: nobody.
        package var acting: ActingCaller?
        package init(caller: Caller, acting: ActingCaller? = nil) { (self.caller, self.acting) = (caller, acting) }
    }

    private let verify: @Sendable (String) async throws -> Admission?

    /// Of tokens by which nobody acts as another.
    package init(_ verify: @escaping @Sendable (String) async throws -> Caller?) {
        self.verify = { token in try await verify(token).map { Admission(caller: $0) } }
    }

    package init(admitting verify: @escaping @Sendable (String) async throws -> Admission?) { self.verify = verify }

    package func callAsFunction(
        _ handler: @escaping @Sendable (APIRequest, Caller) async throws -> APIResponse
    ) -> RouteSet.Handler {
        { request in
            guard let token = request.bearerToken else { throw Problem.unauthenticated() }
            guard let admission = try await verify(token) else {
                throw Problem(
                    401,
                    detail: "The access token is not valid.",
                    headers: ["WWW-Authenticate": "Bearer realm=\"oonrumail\", error=\"invalid_token\""]
                )
            }
            guard let acting = admission.acting else {
                return try await Self.answer(request, admission.caller, handler)
            }
            guard request.admitsActing else {
                let (actor, account) = (acting.party.actor, acting.party.account)
                throw Problem(
                    .notWhileActing,
                    detail: "\(actor) acts as \(account): this is for \(account) alone."
                )
            }
            request.ledger.note(acting: acting.note)
            return try await ActingParty.$current.withValue(acting.party) {
                try await Self.answer(request, admission.caller, handler)
            }
        }
    }

    private static func answer(
        _ request: APIRequest,
        _ caller: Caller,
        _ handler: @escaping @Sendable (APIRequest, Caller) async throws -> APIResponse
    ) async throws -> APIResponse {
        guard let principal = (caller as? any RequestPrincipal)?.principalID else {
            return try await handler(request, caller)
        }
        return try await request.admit(principal) { try await handler($0, caller) }
    }
}
