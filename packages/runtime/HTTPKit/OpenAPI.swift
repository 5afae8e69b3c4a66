import FoundationEssentials
import HTTPTypes

/// The document of all routes (OpenAPI 3.1), made from the routes themselves: one that is there is in it, one that is
/// in it is there.
package enum OpenAPI {
    package static let path = "/openapi.json"
    /// The same document by the name of a service of this process: behind a gateway each service's is reached by it.
    package static let servicePath = "/openapi/{service}"

    /// The routes that answer with the document of these sets and of themselves.
    package static func routes(_ sets: [RouteSet], services: Set<String>, version: String) throws -> RouteSet {
        var own = RouteSet()
        own.get(path) { _ in .noContent }
        own.get(servicePath) { _ in .noContent }
        own.describe("GET", path, RouteDescription("This document", isOpen: true, answers: [200: "OpenAPI 3.1"]))
        let answers = [200: "OpenAPI 3.1", 404: "No service of this process"]
        own.describe(
            "GET",
            servicePath,
            RouteDescription("The same by the name of a service", isOpen: true, answers: answers)
        )
        let body = try document(sets + [own], version: version)
        let answer = APIResponse(status: 200, contentType: "application/json", body: body)
        var set = RouteSet()
        set.get(path) { _ in answer }
        set.get(servicePath) { request in
            guard services.contains(request.parameter("service")) else {
                throw Problem.notFound("This process has no such service.")
            }
            return answer
        }
        return set
    }

    package static func document(_ sets: [RouteSet], version: String) throws -> [UInt8] {
        var paths: [String: [String: JSONValue]] = [:]
        var components = ["Problem": problemSchema]
        let readable = Set(sets.flatMap(\.routes).filter { $0.method == .get }.map(\.path))
        for set in sets {
            for route in set.routes {
                let description = set.descriptions["\(route.method.rawValue) \(route.path)"]
                var operation = operation(route, description, &components)
                var parameters = parameters(route, description, &components)
                parameters += conditions(route, description, readable)
                if !parameters.isEmpty { operation["parameters"] = .list(parameters) }
                paths[route.path, default: [:]][route.method.rawValue.lowercased()] = .object(operation)
            }
        }
        let document: JSONValue = .object([
            "openapi": .text("3.1.0"),
            "info": .object(["title": .text("OONRUMAIL"), "version": .text(version)]),
            "paths": .object(paths.mapValues { .object($0) }),
            "components": .object([
                "securitySchemes": .object([
                    "bearer": .object(["type": .text("http"), "scheme": .text("bearer")])
                ]),
                "schemas": .object(components),
            ]),
        ])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return Array(try encoder.encode(document))
    }

    // MARK: - Parts

    private static func operation(
        _ route: RouteSet.Route,
        _ description: RouteDescription?,
        _ components: inout [String: JSONValue]
    ) -> [String: JSONValue] {
        let identifier = ([route.method.rawValue.lowercased()] + words(route.path)).map { word in
            String(decoding: word.utf8.filter { $0 != 123 && $0 != 125 && $0 != 46 }, as: UTF8.self)
        }.joined(separator: "_")
        var members: [String: JSONValue] = [
            "operationId": .text(identifier),
            "summary": .text(description?.summary ?? "\(route.method.rawValue) \(route.path)"),
            "responses": .object(responses(route, description, &components)),
        ]
        if let description, let body = description.body {
            members["requestBody"] = requestBody(body, description, &components)
        }
        members["security"] = security(description, route.path)
        if route.admitsActing { members["x-while-acting"] = .truth(true) }
        return members
    }

    private static func words(_ path: String) -> [String] {
        path.utf8.split(separator: 47).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A route that is not described takes a token or none; health and metrics take none.
    private static func security(_ description: RouteDescription?, _ path: String) -> JSONValue {
        let bearer: JSONValue = .object(["bearer": .list([])])
        if let description { return description.isOpen ? .list([]) : .list([bearer]) }
        return path.utf8.starts(with: "/api/".utf8) ? .list([.object([:]), bearer]) : .list([])
    }

    private static func responses(
        _ route: RouteSet.Route,
        _ description: RouteDescription?,
        _ components: inout [String: JSONValue]
    ) -> [String: JSONValue] {
        var responses: [String: JSONValue] = [
            "default": .object([
                "description": .text("An error"),
                "content": .object([
                    Problem.contentType: .object([
                        "schema": .object(["$ref": .text("#/components/schemas/Problem")])
                    ])
                ]),
            ])
        ]
        if route.method == .get { responses["304"] = .object(["description": .text("What If-None-Match names")]) }
        guard let description else {
            responses["2XX"] = .object(["description": .text("Done")])
            return responses
        }
        for (status, meaning) in description.answers {
            var response: [String: JSONValue] = ["description": .text(meaning)]
            if let schema = description.schemas[status] {
                response["content"] = .object(["application/json": .object(["schema": schema.json(&components)])])
            } else if status >= 400 || description.media[status] != nil {
                var content: [String: JSONValue] = [
                    Problem.contentType: .object([
                        "schema": .object(["$ref": .text("#/components/schemas/Problem")])
                    ])
                ]
                if let media = description.media[status] { content[media] = .object([:]) }
                response["content"] = .object(content)
            }
            responses["\(status)"] = .object(response)
        }
        return responses
    }

    private static func parameters(
        _ route: RouteSet.Route,
        _ description: RouteDescription?,
        _ components: inout [String: JSONValue]
    ) -> [JSONValue] {
        let inPath = words(route.path).filter { $0.utf8.first == 123 }.map { String($0.dropFirst().dropLast()) }
        var parameters = inPath.map { name in
            parameter(name, "path", (description?.types[name] ?? .boundedText(1...255)).json(&components))
        }
        for name in description?.query ?? [] {
            let schema = description?.types[name] ?? Vocabulary.query[name] ?? .boundedText(0...1_000)
            parameters.append(parameter(name, "query", schema.json(&components)))
        }
        return parameters
    }

    /// Fields that HTTPKit understands on every route of a kind.
    private static func conditions(
        _ route: RouteSet.Route,
        _ description: RouteDescription?,
        _ readable: Set<String>
    ) -> [JSONValue] {
        // One of what the field takes, as a program of today would generate it.
        let tag: JSONValue = .object(["type": .text("string"), "pattern": .text("^(\\*|((W/)?\"[!#-~]*\")?)$")])
        switch route.method {
        case .get: return [parameter("If-None-Match", "header", tag)]
        case .put, .patch, .delete:
            return readable.contains(route.path) ? [parameter("If-Match", "header", tag)] : []
        case .post where description?.isOpen == false:
            var components: [String: JSONValue] = [:]
            let key = Schema.boundedText(1...APIRequest.longestIdempotencyKey).json(&components)
            return [parameter("Idempotency-Key", "header", key)]
        default: return []
        }
    }

    private static func parameter(_ name: String, _ place: String, _ schema: JSONValue) -> JSONValue {
        .object([
            "name": .text(name), "in": .text(place), "required": .truth(place == "path"), "schema": schema,
        ])
    }

    private static func requestBody(
        _ members: Set<String>,
        _ description: RouteDescription,
        _ components: inout [String: JSONValue]
    ) -> JSONValue {
        var schema: [String: JSONValue] = ["type": .text("object"), "additionalProperties": .truth(false)]
        var properties: [String: JSONValue] = [:]
        for name in members {
            let type = description.types[name] ?? Vocabulary.members[name] ?? .anything
            properties[name] = type.json(&components)
        }
        schema["properties"] = .object(properties)
        if !description.required.isEmpty {
            schema["required"] = .list(description.required.sorted().map { .text($0) })
        }
        return .object([
            "required": .truth(true),
            "content": .object(["application/json": .object(["schema": .object(schema)])]),
        ])
    }

    /// RFC 9457.
    private static let problemSchema: JSONValue = {
        let field = Schema.object(["pointer": .text, "detail": .text])
        let check = Schema.map(.anything)
        var components: [String: JSONValue] = [:]
        return Schema.object([
            "type": .text, "title": .text, "status": .integer, "detail": .optional(.text),
            "instance": .optional(.text), "report_id": .optional(.text), "errors": .optional(.list(field)),
            "checks": .optional(.list(check)),
        ]).json(&components)
    }()
}
