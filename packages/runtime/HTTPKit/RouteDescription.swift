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
    /// What a status means, other than the errors that every route has.
    package var answers: [Int: String]

    package init(
        _ summary: String,
        isOpen: Bool = false,
        body: Set<String>? = nil,
        query: [String] = [],
        answers: [Int: String]
    ) {
        self.summary = summary
        self.isOpen = isOpen
        self.body = body
        self.query = query
        self.answers = answers
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
