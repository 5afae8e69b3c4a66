import FoundationEssentials
import HTTPTypes
import Hummingbird
package import Logging
package import MailModel
import NIOCore

/// A request body: which members it may have.
///
/// Others are refused, so that a misspelt one is not ignored.
package protocol RequestDocument: Decodable {
    static var members: Set<String> { get }
}

/// One request as a route sees it.
package struct APIRequest: Sendable {
    private let request: Request
    private let parameters: Parameters
    private let bodyLimit: Int
    /// The body, once it was read for more than the route.
    private var whole: [UInt8]?
    let gate: RequestGate
    let ledger: ResponseLedger
    /// Its route is open to whoever acts as somebody else.
    let admitsActing: Bool
    private let deadlines: ConnectionDeadlines.Handle
    package let remote: IPAddress?
    package let id: String
    /// Carries the request's id.
    package let logger: Logger

    init(
        request: Request,
        context: PlatformRequestContext,
        gate: RequestGate,
        bodyLimit: Int,
        admitsActing: Bool = false
    ) {
        self.request = request
        self.parameters = context.parameters
        self.bodyLimit = bodyLimit
        self.gate = gate
        self.admitsActing = admitsActing
        self.ledger = context.ledger
        self.deadlines = context.deadlines
        self.remote = context.remote
        self.id = context.requestID
        self.logger = context.logger
    }

    package var path: String { request.uri.path }
    var method: HTTPRequest.Method { request.method }
    /// Path and query as they were sent.
    var target: String { request.uri.string }
    /// The path as one name, however it was written.
    var resource: String {
        let name = EmailAddress.lowercased(PercentEncoding.decoded(path))
        let isOwn = name.utf8.split(separator: 47).contains { $0.elementsEqual("me".utf8) }
        return isOwn ? "\(name) \(ledger.principal ?? 0)" : name
    }
    /// The authority that the client asked (RFC 9110 §7.2): a name, and a port if it gave one.
    package var host: String { request.head.authority ?? "" }

    /// A `{name}` of the route's path, percent-decoded.
    package func parameter(_ name: String) -> String {
        PercentEncoding.decoded(parameters.get(name) ?? "")
    }

    /// The number in the path that the route calls so.
    ///
    /// - Throws: 404, as nothing has a number that is none.
    package func number(_ name: String = "id") throws(Problem) -> Int64 {
        guard let number = Int64(parameter(name)) else { throw .notFound() }
        return number
    }

    /// The first value of that name in the query, decoded as forms are (`+` is a space); nil when it is not given.
    package func query(_ name: String) -> String? {
        for pair in (request.uri.query ?? "").utf8.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false).map {
                PercentEncoding.decoded(String(decoding: $0.map { $0 == 43 ? 32 : $0 }, as: UTF8.self))
            }
            if parts[0].utf8.elementsEqual(name.utf8) { return parts.count == 2 ? parts[1] : "" }
        }
        return nil
    }

    /// A whole number in the query, within its range; the default when it is not given.
    package func query(_ name: String, default standard: Int, in range: ClosedRange<Int>) throws(Problem) -> Int {
        guard let text = query(name) else { return standard }
        guard let value = Int(text), range.contains(value) else {
            throw Problem(
                400,
                detail: "The query's \(name) takes a whole number, \(range.lowerBound) to \(range.upperBound)."
            )
        }
        return value
    }

    package func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { request.headers[$0] } }

    /// RFC 6750 §2.1: `Authorization: Bearer` token; the scheme without regard to case (RFC 9110 §11.1).
    package var bearerToken: String? { Self.bearerToken(of: request) }

    static func bearerToken(of request: Request) -> String? {
        guard let field = request.headers[.authorization] else { return nil }
        let bytes = Array(field.utf8)
        guard bytes.count > 7, bytes.count <= 8_192,
            EmailAddress.lowercased(String(decoding: bytes[..<7], as: UTF8.self)) == "bearer "
        else {
            return nil
        }
        return String(decoding: bytes[7...].drop { $0 == 32 }, as: UTF8.self)
    }

    /// The body, at most the listener's limit.
    package func body() async throws(Problem) -> [UInt8] {
        if let whole { return whole }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bodyLimit { throw tooLarge }
        deadlines.awaitBody()
        defer { deadlines.rest() }
        do {
            let buffer = try await request.body.collect(upTo: bodyLimit)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            throw Problem(400, detail: "The body did not arrive whole.")
        }
    }

    /// The same request with its body at hand, to be read again.
    func collected() async throws(Problem) -> APIRequest {
        var copy = self
        copy.whole = try await body()
        return copy
    }

    private var tooLarge: Problem { Problem(413, detail: "A body holds at most \(bodyLimit) octets.") }

    /// Reads a JSON body (RFC 8259).
    package func decode<Document: RequestDocument>(_ type: Document.Type) async throws(Problem) -> Document {
        let media = EmailAddress.lowercased(header("Content-Type") ?? "")
        guard media.utf8.starts(with: "application/json".utf8) else {
            throw Problem(415, detail: "The body must be application/json.")
        }
        let bytes = try await body()
        guard !JSONDepth.isExceeded(bytes) else {
            throw Problem(400, detail: "The body may nest at most \(JSONDepth.limit) deep.")
        }
        let data = Data(bytes)
        let decoder = JSONDecoder()
        do {
            let members = try decoder.decode([String: AnyMember].self, from: data)
            let unknown = members.keys.filter { !Document.members.contains($0) }.sorted()
            guard unknown.isEmpty else {
                let fields = unknown.prefix(10).map {
                    Problem.Field(pointer: "#/\(Self.pointerText($0))", detail: "This member is not known.")
                }
                throw Problem(422, detail: "The body has members that are not known.", fields: fields)
            }
            if let path = NULInJSON.path(in: bytes) {
                throw Self.refusal(
                    "/" + path.map(Self.pointerText).joined(separator: "/"),
                    "A text has no NUL (U+0000)."
                )
            }
            return try decoder.decode(type, from: data)
        } catch let problem as Problem {
            throw problem
        } catch let error as DecodingError {
            throw Self.problem(for: error)
        } catch {
            throw Problem(400, detail: "The body is not JSON.")
        }
    }

    private struct AnyMember: Decodable {
        init(from decoder: any Decoder) {}
    }

    private static func problem(for error: DecodingError) -> Problem {
        switch error {
        case .keyNotFound(let key, let context): field(context.codingPath + [key], "This member is missing.")
        case .valueNotFound(_, let context): field(context.codingPath, "This member must not be null.")
        case .typeMismatch(_, let context):
            context.codingPath.isEmpty
                ? Problem(400, detail: "The body must be a JSON object.")
                : field(context.codingPath, "This member has another type.")
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? Problem(400, detail: "The body is not JSON.")
                : field(context.codingPath, "This value is not acceptable.")
        @unknown default: Problem(400, detail: "The body is not JSON.")
        }
    }

    private static func field(_ path: [any CodingKey], _ detail: String) -> Problem {
        refusal(path.map { "/" + ($0.intValue.map(String.init) ?? pointerText($0.stringValue)) }.joined(), detail)
    }

    private static func refusal(_ pointer: String, _ detail: String) -> Problem {
        Problem(
            422,
            detail: "A member of the body is not acceptable.",
            fields: [Problem.Field(pointer: "#" + pointer, detail: detail)]
        )
    }

    /// RFC 6901 §3: `~` and `/` are escaped; long names are cut.
    private static func pointerText(_ name: String) -> String {
        var bytes: [UInt8] = []
        for byte in name.utf8.prefix(100) {
            switch byte {
            case UInt8(ascii: "~"): bytes += "~0".utf8
            case UInt8(ascii: "/"): bytes += "~1".utf8
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
