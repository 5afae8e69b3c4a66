import HTTPTypes

/// The routes of one service; several sets share a listener.
package struct RouteSet: Sendable {
    package typealias Handler = @Sendable (APIRequest) async throws -> APIResponse

    struct Route: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let handler: Handler
    }

    private(set) var routes: [Route] = []
    /// By method and path.
    var descriptions: [String: RouteDescription] = [:]
    /// Turns errors of the service's engines into what a client may read; nil: an unknown error (500).
    let problem: @Sendable (any Error) -> Problem?

    package init(problem: @escaping @Sendable (any Error) -> Problem? = { _ in nil }) { self.problem = problem }

    package mutating func get(_ path: String, _ handler: @escaping Handler) { add(.get, path, handler) }
    package mutating func post(_ path: String, _ handler: @escaping Handler) { add(.post, path, handler) }
    package mutating func put(_ path: String, _ handler: @escaping Handler) { add(.put, path, handler) }
    package mutating func patch(_ path: String, _ handler: @escaping Handler) { add(.patch, path, handler) }
    package mutating func delete(_ path: String, _ handler: @escaping Handler) { add(.delete, path, handler) }

    private mutating func add(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        routes.append(Route(method: method, path: path, handler: handler))
    }
}

/// Demands an access token and hands whom it speaks for to the route.
///
/// A caller that is a `RequestPrincipal` goes through the gate: the rate of its account, and answers kept for requests that
/// are sent again.
///
/// A token never comes from anywhere but the header.
package struct BearerGuard<Caller: Sendable>: Sendable {
    private let verify: @Sendable (String) async throws -> Caller?
    package init(_ verify: @escaping @Sendable (String) async throws -> Caller?) { self.verify = verify }

    package func callAsFunction(
        _ handler: @escaping @Sendable (APIRequest, Caller) async throws -> APIResponse
    ) -> RouteSet.Handler {
        { request in
            guard let token = request.bearerToken else { throw Problem.unauthenticated() }
            guard let caller = try await verify(token) else {
                throw Problem(
                    401,
                    detail: "The access token is not valid.",
                    headers: ["WWW-Authenticate": "Bearer realm=\"oonrumail\", error=\"invalid_token\""]
                )
            }
            guard let principal = (caller as? any RequestPrincipal)?.principalID else {
                return try await handler(request, caller)
            }
            return try await request.admit(principal) { try await handler($0, caller) }
        }
    }
}
