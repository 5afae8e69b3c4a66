import HTTPTypes
import Hummingbird
import Tracing

/// The span around a request, within the trace that the client brought along.
enum RequestTrace {
    private struct Fields: Extractor {
        func extract(key: String, from carrier: HTTPFields) -> String? { HTTPField.Name(key).flatMap { carrier[$0] } }
    }

    /// - Parameter route: the pattern that the path matched, known when the answer is.
    static func around(
        _ request: Request,
        route: () -> String?,
        answer: () async throws -> Response
    ) async throws -> Response {
        var context = ServiceContext.current ?? .topLevel
        InstrumentationSystem.instrument.extract(request.headers, into: &context, using: Fields())
        return try await withSpan("HTTP", context: context, ofKind: .server) { span in
            do {
                let response = try await answer()
                describe(span, request, route(), response.status.code)
                return response
            } catch {
                describe(
                    span,
                    request,
                    route(),
                    (error as? Problem)?.status ?? (error as? HTTPError)?.status.code ?? 500
                )
                throw error
            }
        }
    }

    /// The route's pattern, never the path: that may name somebody.
    private static func describe(_ span: any Span, _ request: Request, _ route: String?, _ status: Int) {
        guard span.isRecording else { return }
        let method = Envelope.knownMethods.contains(request.method) ? request.method.rawValue : "other"
        span.operationName = "\(method) \(route ?? "none")"
        span.attributes = [
            "http.request.method": .string(method), "http.route": .string(route ?? "none"),
            "http.response.status_code": .int64(Int64(status)),
        ]
        if status >= 500 { span.setStatus(SpanStatus(code: .error)) }
    }
}
