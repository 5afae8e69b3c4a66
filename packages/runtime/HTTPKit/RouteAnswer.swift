import HTTPTypes
import Hummingbird

/// One route with what every route has: preconditions before it, an entity tag on what it reads.
struct RouteAnswer: Sendable {
    let handler: RouteSet.Handler
    let method: HTTPRequest.Method
    /// As it was added.
    let path: String
    let admitsActing: Bool
    /// What GET of the same path answers.
    let current: RouteSet.Handler?
    let configuration: HTTPServiceConfiguration

    func callAsFunction(_ request: Request, _ context: PlatformRequestContext) async throws -> Response {
        let request = APIRequest(
            request: request,
            context: context,
            gate: configuration.gate,
            bodyLimit: configuration.bodyLimit,
            admitsActing: admitsActing
        )
        guard admitsActing else { return try await answer(request) }
        let outcome: Result<Response, any Error>
        do {
            outcome = .success(try await answer(request))
        } catch {
            outcome = .failure(error)
        }
        try await noteActing(request, outcome)
        return try outcome.get()
    }

    /// No line, no answer; what was refused for its rate has shown nothing, and leaves none.
    private func noteActing(_ request: APIRequest, _ outcome: Result<Response, any Error>) async throws {
        guard let note = request.ledger.acting else { return }
        let status =
            switch outcome {
            case .success(let response): response.status.code
            case .failure(let error): (error as? Problem)?.status ?? 500
            }
        guard status != ProblemKind.tooManyRequests.status else { return }
        try await note(
            ActingRequest(method: request.method.rawValue, route: path, status: status, remote: request.remote)
        )
    }

    private func answer(_ request: APIRequest) async throws -> Response {
        switch method {
        case .get:
            let conditions = Preconditions(request)
            return Envelope.response(try conditions.answer(try await handler(request)))
        case .put, .patch, .delete:
            let conditions = Preconditions(request)
            if configuration.requiresMatch, method != .delete, current != nil, conditions.isEmpty {
                throw Problem(.preconditionRequired, detail: "Read it, and send its ETag as If-Match.")
            }
            return Envelope.response(
                try await conditions.change(request, current: current) { try await handler(request) }
            )
        default:
            return Envelope.response(try await handler(request))
        }
    }
}

extension RouteSet {
    /// The route's handler, its errors turned into what a client may read.
    func mapped(_ route: Route) -> Handler {
        let problem = problem
        return { request in
            do {
                return try await route.handler(request)
            } catch let known as Problem {
                throw known
            } catch {
                throw problem(error) ?? error
            }
        }
    }
}
