import HTTPTypes
import Hummingbird

/// Pages of other origins that may read answers in a browser (the CORS protocol of the Fetch standard).
///
/// Tokens travel in the Authorization field, which pages set themselves; so credentials of the browser's own are never allowed.
struct CrossOrigin: Sendable {
    /// `https://mail.example.test`, octet by octet as browsers send it.
    let origins: Set<String>

    /// How long a browser may remember a preflight's answer.
    private static let maximumAge = 600
    private static let requestHeaders =
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID"
    private static let answerHeaders =
        "ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("no header name: \(text)") }
        return name
    }
    private static let requestMethod = name("Access-Control-Request-Method")
    private static let allowOrigin = name("Access-Control-Allow-Origin")
    private static let allowMethods = name("Access-Control-Allow-Methods")
    private static let allowHeaders = name("Access-Control-Allow-Headers")
    private static let exposeHeaders = name("Access-Control-Expose-Headers")
    private static let maxAge = name("Access-Control-Max-Age")

    /// Nothing where no origin is allowed.
    func mark(_ response: inout Response, of request: Request) {
        guard !origins.isEmpty else { return }
        // Caches must not give one origin's answer to another (RFC 9110 §12.5.5).
        response.headers.append(HTTPField(name: .vary, value: "Origin"))
        guard let origin = request.headers[.origin], origins.contains(origin) else { return }
        response.headers[Self.allowOrigin] = origin
        guard request.method == .options, request.headers[Self.requestMethod] != nil else {
            response.headers[Self.exposeHeaders] = Self.answerHeaders
            return
        }
        guard let methods = response.headers[.allow] else { return }
        response.headers[Self.allowMethods] = methods
        response.headers[Self.allowHeaders] = Self.requestHeaders
        response.headers[Self.maxAge] = "\(Self.maximumAge)"
    }
}
