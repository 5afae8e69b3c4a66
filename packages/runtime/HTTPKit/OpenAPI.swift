import FoundationEssentials
import HTTPTypes

/// The document of all routes (OpenAPI 3.1), made from the routes themselves: one that is there is in it, one that is
/// in it is there.
package enum OpenAPI {
    package static let path = "/openapi.json"

    /// The route that answers with the document of these sets and of itself.
    package static func routes(_ sets: [RouteSet], version: String) throws -> RouteSet {
        var own = RouteSet()
        own.get(path) { _ in .noContent }
        own.describe("GET", path, RouteDescription("This document", isOpen: true, answers: [200: "OpenAPI 3.1"]))
        let body = try document(sets + [own], version: version)
        var set = RouteSet()
        set.get(path) { _ in APIResponse(status: 200, contentType: "application/json", body: body) }
        return set
    }

    package static func document(_ sets: [RouteSet], version: String) throws -> [UInt8] {
        var paths: [String: [String: JSON]] = [:]
        for set in sets {
            for route in set.routes {
                let method = route.method.rawValue.lowercased()
                paths[route.path, default: [:]][method] = operation(
                    route,
                    set.descriptions["\(route.method.rawValue) \(route.path)"]
                )
            }
        }
        let document: JSON = .object([
            "openapi": .text("3.1.0"),
            "info": .object(["title": .text("OONRUMAIL"), "version": .text(version)]),
            "paths": .object(paths.mapValues { .object($0) }),
            "components": .object([
                "securitySchemes": .object([
                    "bearer": .object(["type": .text("http"), "scheme": .text("bearer")])
                ]),
                "schemas": .object(["Problem": problemSchema]),
            ]),
        ])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return Array(try encoder.encode(document))
    }

    // MARK: - Parts

    private static func operation(_ route: RouteSet.Route, _ description: RouteDescription?) -> JSON {
        let words = route.path.utf8.split(separator: 47).map { String(decoding: $0, as: UTF8.self) }
        let identifier = ([route.method.rawValue.lowercased()] + words).map { word in
            String(decoding: word.utf8.filter { $0 != 123 && $0 != 125 && $0 != 46 }, as: UTF8.self)
        }.joined(separator: "_")
        var members: [String: JSON] = [
            "operationId": .text(identifier),
            "summary": .text(description?.summary ?? "\(route.method.rawValue) \(route.path)"),
            "responses": .object(responses(description)),
        ]
        let inPath = words.filter { $0.utf8.first == 123 }.map { parameter(String($0.dropFirst().dropLast()), "path") }
        let parameters = inPath + (description?.query ?? []).map { parameter($0, "query") }
        if !parameters.isEmpty { members["parameters"] = .list(parameters) }
        if let body = description?.body { members["requestBody"] = requestBody(body) }
        members["security"] = security(description, route.path)
        return .object(members)
    }

    /// A route that is not described takes a token or none; health and metrics take none.
    private static func security(_ description: RouteDescription?, _ path: String) -> JSON {
        let bearer: JSON = .object(["bearer": .list([])])
        if let description { return description.isOpen ? .list([]) : .list([bearer]) }
        return path.utf8.starts(with: "/api/".utf8) ? .list([.object([:]), bearer]) : .list([])
    }

    private static func responses(_ description: RouteDescription?) -> [String: JSON] {
        var responses: [String: JSON] = [
            "default": .object([
                "description": .text("An error"),
                "content": .object([
                    Problem.contentType: .object([
                        "schema": .object(["$ref": .text("#/components/schemas/Problem")])
                    ])
                ]),
            ])
        ]
        guard let description else {
            responses["2XX"] = .object(["description": .text("Done")])
            return responses
        }
        for (status, meaning) in description.answers {
            responses["\(status)"] = .object(["description": .text(meaning)])
        }
        return responses
    }

    private static func parameter(_ name: String, _ place: String) -> JSON {
        .object([
            "name": .text(name), "in": .text(place), "required": .truth(place == "path"),
            "schema": .object(["type": .text("string")]),
        ])
    }

    private static func requestBody(_ members: Set<String>) -> JSON {
        .object([
            "required": .truth(true),
            "content": .object([
                "application/json": .object([
                    "schema": .object([
                        "type": .text("object"), "additionalProperties": .truth(false),
                        "properties": .object(.init(uniqueKeysWithValues: members.map { ($0, .object([:])) })),
                    ])
                ])
            ]),
        ])
    }

    /// RFC 9457.
    private static let problemSchema: JSON = .object([
        "type": .text("object"), "required": .list([.text("title"), .text("status")]),
        "properties": .object([
            "type": .object(["type": .text("string")]), "title": .object(["type": .text("string")]),
            "status": .object(["type": .text("integer")]), "detail": .object(["type": .text("string")]),
            "instance": .object(["type": .text("string")]), "report_id": .object(["type": .text("string")]),
            "errors": .object([
                "type": .text("array"),
                "items": .object([
                    "type": .text("object"),
                    "properties": .object([
                        "pointer": .object(["type": .text("string")]), "detail": .object(["type": .text("string")]),
                    ]),
                ]),
            ]),
        ]),
    ])

    /// A JSON value of our own making.
    private enum JSON: Encodable {
        case text(String)
        case truth(Bool)
        case list([JSON])
        case object([String: JSON])

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .truth(let truth): try container.encode(truth)
            case .list(let list): try container.encode(list)
            case .object(let object): try container.encode(object)
            }
        }
    }
}
