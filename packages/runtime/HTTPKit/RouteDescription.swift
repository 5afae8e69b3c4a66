import HTTPTypes

/// What `/openapi.json` says of one route beyond its method and path.
package struct RouteDescription: Sendable {
    package var summary: String
    /// Answers without an access token.
    package var isOpen: Bool
    /// Members of the JSON body; nil: there is none.
    package var body: Set<String>?
    /// Names in the query.
    package var query: [String]
    /// What members of the body and names of the query are, where `Vocabulary` does not say it for all routes alike.
    package var types: [String: Schema]
    /// Members that the body must have.
    package var required: Set<String>
    /// The JSON that a status answers with.
    package var schemas: [Int: Schema]
    /// Media types that a status answers with beside problem documents, where it is not JSON.
    package var media: [Int: String] = [:]
    /// What a status means, other than the errors that every route has.
    package var answers: [Int: String]

    package init(
        _ summary: String,
        isOpen: Bool = false,
        body: Set<String>? = nil,
        query: [String] = [],
        answers: [Int: String],
        types: [String: Schema] = [:],
        required: Set<String> = [],
        schemas: [Int: Schema] = [:]
    ) {
        self.summary = summary
        self.isOpen = isOpen
        self.body = body
        self.query = query
        self.answers = answers
        self.types = types
        self.required = required
        self.schemas = schemas
    }
}

extension RouteSet {
    /// Describes a route that the set has; to describe another is a mistake of ours.
    package mutating func describe(_ method: String, _ path: String, _ description: RouteDescription) {
        precondition(
            routes.contains { $0.method.rawValue == method && $0.path == path },
            "no route \(method) \(path)"
        )
        descriptions["\(method) \(path)"] = description
    }
}
