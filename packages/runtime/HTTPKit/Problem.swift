import FoundationEssentials

/// An error as its reader gets it: a problem document (RFC 9457).
///
/// Says what is wrong, never why it happened inside.
package struct Problem: Error, Equatable, Sendable {
    /// One member of the request that is wrong.
    package struct Field: Equatable, Sendable, Encodable {
        /// JSON pointer (RFC 6901), such as `#/email`.
        package var pointer: String
        package var detail: String
        package init(pointer: String, detail: String) { (self.pointer, self.detail) = (pointer, detail) }
    }

    package var status: Int
    /// nil for a status that is no kind's: `about:blank` then.
    package var kind: ProblemKind?
    package var title: String
    package var detail: String?
    package var fields: [Field]
    /// Parts that failed, in answers of health checks.
    package var checks: [HealthReport.Check]
    /// Headers beside the document, such as Retry-After.
    package var headers: [String: String]
    /// Names the log line with the cause.
    package var reportID: String?

    package init(
        _ status: Int,
        _ title: String? = nil,
        detail: String? = nil,
        fields: [Field] = [],
        checks: [HealthReport.Check] = [],
        headers: [String: String] = [:],
        reportID: String? = nil
    ) {
        self.status = status
        self.kind = ProblemKind(status: status)
        self.title = title ?? Self.phrase(status)
        self.detail = detail
        self.fields = fields
        self.checks = checks
        self.headers = headers
        self.reportID = reportID
    }

    package init(_ kind: ProblemKind, detail: String? = nil, headers: [String: String] = [:]) {
        self.init(kind.status, kind.title, detail: detail, headers: headers)
        self.kind = kind
    }

    /// RFC 9110 §15.
    package static func phrase(_ status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Content"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 507: "Insufficient Storage"
        default: "Error"
        }
    }

    // MARK: - Common problems

    /// RFC 6750 §3: what kind of credentials would help.
    package static func unauthenticated(_ detail: String = "A valid access token is needed.") -> Problem {
        Problem(401, detail: detail, headers: ["WWW-Authenticate": "Bearer realm=\"oonrumail\""])
    }

    package static func forbidden(_ detail: String = "Your role does not allow this.") -> Problem {
        Problem(403, detail: detail)
    }
    package static func notFound(_ detail: String = "There is nothing here by that name.") -> Problem {
        Problem(404, detail: detail)
    }

    package static func invalid(_ field: String, _ detail: String) -> Problem {
        Problem(422, detail: "A field is not acceptable.", fields: [Field(pointer: "#/\(field)", detail: detail)])
    }

    package static func unavailable(reportID: String? = nil) -> Problem {
        Problem(503, detail: "Try again later.", headers: ["Retry-After": "5"], reportID: reportID)
    }

    // MARK: - Document

    private struct Document: Encodable {
        var type: String
        var title: String
        var status: Int
        var detail: String?
        var instance: String?
        var errors: [Field]?
        var checks: [HealthReport.Check]?
        var reportID: String?
    }

    package static let contentType = "application/problem+json"

    package func document(instance: String?) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        let document = Document(
            type: kind?.type ?? "about:blank",
            title: title,
            status: status,
            detail: detail,
            instance: instance,
            errors: fields.isEmpty ? nil : fields,
            checks: checks.isEmpty ? nil : checks,
            reportID: reportID
        )
        return (try? encoder.encode(document)).map(Array.init) ?? Array("{\"status\":\(status)}".utf8)
    }
}
