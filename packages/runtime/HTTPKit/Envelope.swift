import HTTPTypes
package import Hummingbird
import Logging
import MailModel
import Metrics
import NIOCore

/// Around every request: its id, the client's address, problem documents for every error, safe headers, one log line, metrics.
package struct Envelope: HTTPResponder {
    package typealias Context = PlatformRequestContext

    let router: RouterResponder<PlatformRequestContext>
    let logger: Logger
    let trustedProxies: [IPNetwork]
    let gate: RequestGate
    let crossOrigin: CrossOrigin

    /// RFC 9110 §9.3 and RFC 5789.
    static let knownMethods: [HTTPRequest.Method] = [
        .get, .head, .post, .put, .patch, .delete, .options, .trace, .connect,
    ]

    package func respond(to request: Request, context: Context) async throws -> Response {
        let started = ContinuousClock.now
        var context = context
        context.requestID = Self.requestID(request)
        context.remote = client(request, context.remote)
        context.logger = logger
        context.logger[metadataKey: "request_id"] = .string(context.requestID)

        var response: Response
        do {
            response = try await traced(request, context)
            // The router's own errors come as empty responses.
            if response.status.code >= 400, response.headers[.contentType] == nil {
                response = Self.response(Problem(response.status.code), path: request.uri.path)
            }
        } catch {
            response = Self.response(problem(for: error, context), path: request.uri.path)
        }
        Self.harden(&response, id: context.requestID)
        for (name, value) in context.ledger.headers { Self.set(&response.headers, name, value) }
        crossOrigin.mark(&response, of: request)
        record(request, response, context, started.duration(to: .now))
        context.deadlines.awaitReading(octets: response.body.contentLength ?? 0)
        return response
    }

    /// Supervisors ask every few seconds: no trace each.
    private func traced(_ request: Request, _ context: Context) async throws -> Response {
        guard !Self.isQuiet(request.uri.path) else { return try await answer(request, context) }
        return try await RequestTrace.around(
            request,
            route: { context.endpointPath },
            answer: { try await answer(request, context) }
        )
    }

    private func answer(_ request: Request, _ context: Context) async throws -> Response {
        context.deadlines.rest()
        var request = request
        // A method that nothing here knows: what every path says to TRACE, that it is not allowed and which ones are.
        if !Self.knownMethods.contains(request.method) {
            var head = request.head
            head.method = .trace
            request = Request(head: head, body: request.body)
        }
        if !Self.isQuiet(request.uri.path) {
            try gate.requireUnbarred(
                context.remote,
                .init(
                    method: request.method.rawValue,
                    path: request.uri.path,
                    token: APIRequest.bearerToken(of: request)
                )
            )
            try await gate.countAddress(context.remote, context.ledger)
        }
        return try await router.respond(to: request, context: context)
    }

    // MARK: - Errors

    private func problem(for error: any Error, _ context: Context) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as HTTPError where error.status.code < 500: return Problem(error.status.code)
        case is NIOTooManyBytesError: return Problem(413)
        default:
            context.logger.error("request failed", metadata: ["error": .string("\(error)")])
            return Problem(500, detail: "The cause is logged under the report id.", reportID: context.requestID)
        }
    }

    private static func response(_ problem: Problem, path: String) -> Response {
        response(
            APIResponse(
                status: problem.status,
                contentType: Problem.contentType,
                body: problem.document(instance: String(decoding: path.utf8.prefix(512), as: UTF8.self)),
                headers: problem.headers
            )
        )
    }

    static func response(_ answer: APIResponse) -> Response {
        var headers = HTTPFields()
        if let type = answer.contentType { headers[.contentType] = type }
        for (name, value) in answer.headers { set(&headers, name, value) }
        for value in answer.cookies { headers.append(HTTPField(name: .setCookie, value: plain(value))) }
        return Response(
            status: .init(code: answer.status, reasonPhrase: ""),
            headers: headers,
            body: answer.body.isEmpty ? .init() : .init(byteBuffer: ByteBuffer(bytes: answer.body))
        )
    }

    // MARK: - Headers

    private static func set(_ headers: inout HTTPFields, _ name: String, _ value: String) {
        guard let name = HTTPField.Name(name) else { return }
        headers[name] = plain(value)
    }

    /// A value with CR, LF or NUL would be a field or an answer of its own: the octets go.
    private static func plain(_ value: String) -> String {
        let isUnsafe = value.utf8.contains { $0 < 32 || $0 == 127 }
        return isUnsafe ? String(decoding: value.utf8.filter { $0 >= 32 && $0 != 127 }, as: UTF8.self) : value
    }

    // Literals that are header names.
    // swift-format-ignore: NeverForceUnwrap
    private static let requestIDName = HTTPField.Name("X-Request-ID")!
    // swift-format-ignore: NeverForceUnwrap
    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    // swift-format-ignore: NeverForceUnwrap
    private static let safeHeaders: [(HTTPField.Name, String)] = [
        (.xContentTypeOptions, "nosniff"),
        (.contentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'"),
        (HTTPField.Name("Referrer-Policy")!, "no-referrer"),
        (.cacheControl, "no-store"),
    ]

    private static func harden(_ response: inout Response, id: String) {
        for (name, value) in safeHeaders where response.headers[name] == nil { response.headers[name] = value }
        response.headers[requestIDName] = id
    }

    /// The client's own id when it is a plain token, else a new one.
    private static func requestID(_ request: Request) -> String {
        if let given = request.headers[requestIDName], (1...64).contains(given.utf8.count),
            given.utf8.allSatisfy({
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95
                    || $0 == 46
            })
        {
            return given
        }
        let text = String(UInt64.random(in: 0 ... .max), radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }

    /// Behind a trusted proxy: the last address of X-Forwarded-For that is no trusted proxy itself.
    private func client(_ request: Request, _ peer: IPAddress?) -> IPAddress? {
        guard let peer, trustedProxies.contains(where: { $0.contains(peer) }) else { return peer }
        let chain = request.headers[values: Self.forwardedFor].joined(separator: ",")
        var client = peer
        for part in chain.utf8.split(separator: 44).reversed() {
            guard let address = IPAddress(String(decoding: part.filter { $0 != 32 && $0 != 9 }, as: UTF8.self)) else {
                return client
            }
            client = address
            guard trustedProxies.contains(where: { $0.contains(address) }) else { return client }
        }
        return client
    }

    // MARK: - Log and metrics

    /// Asked every few seconds by supervisors; not worth a line each.
    private static let quietPaths: Set<String> = ["/health", "/ready", "/metrics"]

    private static func isQuiet(_ path: String) -> Bool {
        quietPaths.contains(path) || path.utf8.starts(with: "/health/".utf8)
    }

    private func record(_ request: Request, _ response: Response, _ context: Context, _ duration: Duration) {
        let route = context.endpointPath ?? "none"
        let status = response.status.code
        Counter(
            label: "oonrumail_http_requests_total",
            dimensions: [("method", Self.methodName(request.method)), ("route", route), ("status", "\(status)")]
        ).increment()
        let (seconds, rest) = duration.components
        Metrics.Timer(label: "oonrumail_http_request_seconds", dimensions: [("route", route)])
            .recordNanoseconds(seconds * 1_000_000_000 + rest / 1_000_000_000)
        let path = request.uri.path
        let quiet = status < 400 && Self.isQuiet(path)
        context.logger.log(
            level: quiet ? .debug : .info,
            "request",
            metadata: [
                "method": .string(Self.methodName(request.method)),
                "path": .string(String(decoding: path.utf8.prefix(256), as: UTF8.self)),
                "status": .stringConvertible(status),
                "microseconds": .stringConvertible(seconds * 1_000_000 + rest / 1_000_000_000_000),
                "remote": .string(context.remote?.description ?? "-"),
            ]
        )
    }

    /// Methods are the client's words: unknown ones are counted together.
    private static func methodName(_ method: HTTPRequest.Method) -> String {
        [.get, .head, .post, .put, .patch, .delete, .options].contains(method) ? method.rawValue : "other"
    }
}
