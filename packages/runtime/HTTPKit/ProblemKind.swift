/// Every kind of problem that a client may read, by a name that does not change (RFC 9457 §3.1.1).
///
/// A problem's `type` is `/problems/` and the name; `GET` of it tells what is meant.
package enum ProblemKind: String, CaseIterable, Sendable {
    case badRequest = "bad-request"
    case unauthenticated
    case forbidden
    case providerNeeded = "identity-provider-needed"
    case secondFactorNeeded = "second-factor-needed"
    case notWhileActing = "not-while-acting"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case requestTimeout = "request-timeout"
    case conflict
    case requestRunning = "request-running"
    case answerGone = "answer-gone"
    case gone
    case lengthRequired = "length-required"
    case preconditionFailed = "precondition-failed"
    case contentTooLarge = "content-too-large"
    case unsupportedMediaType = "unsupported-media-type"
    case invalid
    case keyReused = "idempotency-key-reused"
    case preconditionRequired = "precondition-required"
    case tooManyRequests = "too-many-requests"
    case networkBanned = "network-banned"
    case headerTooLarge = "header-too-large"
    case internalError = "internal-error"
    case badGateway = "bad-gateway"
    case unavailable
    case overQuota = "over-quota"

    package static let path = "/problems"
    package var type: String { "\(Self.path)/\(rawValue)" }

    /// The kind of a status where nothing more is known; nil for a status that is no kind's.
    init?(status: Int) {
        guard let kind = Self.allCases.first(where: { $0.status == status }) else { return nil }
        self = kind
    }

    package var status: Int {
        switch self {
        case .badRequest: 400
        case .unauthenticated: 401
        case .forbidden, .providerNeeded, .secondFactorNeeded, .notWhileActing: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .conflict, .requestRunning, .answerGone: 409
        case .gone: 410
        case .lengthRequired: 411
        case .preconditionFailed: 412
        case .contentTooLarge: 413
        case .unsupportedMediaType: 415
        case .invalid, .keyReused: 422
        case .preconditionRequired: 428
        case .tooManyRequests, .networkBanned: 429
        case .headerTooLarge: 431
        case .internalError: 500
        case .badGateway: 502
        case .unavailable: 503
        case .overQuota: 507
        }
    }

    /// The same for every problem of the kind.
    package var title: String {
        switch self {
        case .requestRunning: "Request Running"
        case .answerGone: "Answer Gone"
        case .providerNeeded: "Identity Provider Needed"
        case .secondFactorNeeded: "Second Factor Needed"
        case .notWhileActing: "Not While Acting"
        case .keyReused: "Idempotency Key Reused"
        case .networkBanned: "Network Banned"
        default: Problem.phrase(status)
        }
    }

    package var meaning: String {
        switch self {
        case .badRequest: "The request's body, query or a header cannot be read; detail says which."
        case .unauthenticated: "No access token, or one that is not valid; sign in or refresh."
        case .forbidden: "The caller's role does not allow it."
        case .providerNeeded:
            "The domain's people sign in by its identity provider: a browser begins at the address that detail and Link name."
        case .secondFactorNeeded:
            "The caller's organisation demands a second factor: until one is enrolled a session does nothing else."
        case .notWhileActing:
            "An administrator acts as the account: that opens what the document of routes marks with x-while-acting, nothing else."
        case .notFound: "There is nothing by that name, or nothing that the caller may know of."
        case .methodNotAllowed: "The resource has other methods; Allow names them."
        case .requestTimeout: "The request did not arrive in time."
        case .conflict: "What is there already stands against it: a name that is taken, a state that does not allow it."
        case .requestRunning:
            "A request with the same Idempotency-Key, or a change of the same resource, is under way; try again."
        case .answerGone:
            "A request with the same Idempotency-Key was done, but its answer is not kept; look at the resource."
        case .gone: "It was there and is not any more."
        case .lengthRequired: "The request needs a Content-Length."
        case .preconditionFailed: "The resource is not the one that If-Match names: read it again, decide again."
        case .contentTooLarge: "The body is larger than is taken."
        case .unsupportedMediaType: "The body is of a type that is not read here."
        case .invalid: "Members of the body are not acceptable; errors names them by pointer."
        case .keyReused: "The Idempotency-Key was used before, for another request."
        case .preconditionRequired: "This change needs If-Match."
        case .tooManyRequests: "A limit is reached; Retry-After says when to come back."
        case .networkBanned:
            "The client's network misbehaved over some protocol and is refused for a time; Retry-After says how long."
        case .headerTooLarge: "The header is larger than is taken."
        case .internalError: "Our fault; the cause is in the log under report_id."
        case .badGateway: "A service that this one asked gave no usable answer."
        case .unavailable: "Something that is needed is away or busy; Retry-After says when to come back."
        case .overQuota: "The quota has no room."
        }
    }
}

/// The catalogue of problems: where their types point.
package enum ProblemRoutes {
    private struct Document: Encodable {
        var type: String
        var title: String
        var status: Int
        var meaning: String

        init(_ kind: ProblemKind) {
            (type, title, status, meaning) = (kind.type, kind.title, kind.status, kind.meaning)
        }
    }

    private struct Documents: Encodable {
        var problems: [Document]
    }

    package static func routes() -> RouteSet {
        var set = RouteSet()
        set.get(ProblemKind.path) { _ in try .json(Documents(problems: ProblemKind.allCases.map { Document($0) })) }
        set.get("\(ProblemKind.path)/{name}") { request in
            guard let kind = ProblemKind(rawValue: request.parameter("name")) else { throw Problem.notFound() }
            return try .json(Document(kind))
        }
        let document = Schema.document(
            "ProblemKind",
            ["type": .text, "title": .text, "status": .integer, "meaning": .text]
        )
        set.describe(
            "GET",
            ProblemKind.path,
            RouteDescription(
                "Every kind of problem",
                isOpen: true,
                answers: [200: "The list"],
                schemas: [200: .object(["problems": .list(document)])]
            )
        )
        set.describe(
            "GET",
            "\(ProblemKind.path)/{name}",
            RouteDescription(
                "What a problem's type means",
                isOpen: true,
                answers: [200: "It"],
                schemas: [200: document]
            )
        )
        return set
    }
}
