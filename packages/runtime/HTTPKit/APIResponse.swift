import FoundationEssentials

/// What a route answers.
package struct APIResponse: Sendable {
    package var status: Int
    package var contentType: String?
    package var body: [UInt8]
    package var headers: [String: String]
    /// Values of `Set-Cookie`, a field each (RFC 6265 §3); they are not kept.
    package var cookies: [String] = []

    package init(status: Int, contentType: String? = nil, body: [UInt8] = [], headers: [String: String] = [:]) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.headers = headers
    }

    package static let noContent = APIResponse(status: 204)

    /// The value as JSON, member names in snake case.
    package static func json(
        _ value: some Encodable,
        status: Int = 200,
        headers: [String: String] = [:]
    ) throws -> APIResponse {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return APIResponse(
            status: status,
            contentType: "application/json",
            body: Array(try encoder.encode(value)),
            headers: headers
        )
    }

    package static func text(_ text: String, contentType: String = "text/plain; charset=utf-8") -> APIResponse {
        APIResponse(status: 200, contentType: contentType, body: Array(text.utf8))
    }
}

// MARK: - Keeping

extension APIResponse {
    private struct Kept: Codable {
        var status: Int
        var type: String?
        var headers: [String: String]
        var body: Data
    }

    /// The answer as octets that `init(kept:)` reads.
    package func keep() throws -> [UInt8] {
        Array(try JSONEncoder().encode(Kept(status: status, type: contentType, headers: headers, body: Data(body))))
    }

    package init(kept: [UInt8]) throws {
        let kept = try JSONDecoder().decode(Kept.self, from: Data(kept))
        self.init(status: kept.status, contentType: kept.type, body: Array(kept.body), headers: kept.headers)
    }
}
