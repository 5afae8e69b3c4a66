/// Lists that go by the numbers of their items, of which an answer's `next` is one.
extension APIRequest {
    /// The number in the path that the route calls so.
    ///
    /// - Throws: 404, as nothing has a number that is none.
    package func number(_ name: String = "id") throws(Problem) -> Int64 {
        guard let number = Int64(parameter(name)) else { throw .notFound() }
        return number
    }

    /// The number that an answer gave as `next`; nil: from the beginning.
    ///
    /// - Throws: 400.
    package func numberAfter() throws(Problem) -> Int64? {
        guard let text = query("after") else { return nil }
        guard let number = Int64(text) else { throw .badPosition }
        return number
    }

    /// Answers with one page of such a list and a `Link` to the next.
    ///
    /// - Parameters:
    ///   - name: the member that has the items.
    ///   - fetch: at most so many items behind a number, in the list's order.
    /// - Throws: 400 that names what the list takes, and what `fetch` throws.
    package func numberedPage<Item, Document: Encodable>(
        _ name: String,
        number: (Item) -> Int64,
        as document: (Item) -> Document,
        fetch: (_ after: Int64?, _ limit: Int) async throws -> [Item]
    ) async throws -> APIResponse {
        let limit = try query("limit", default: Self.standardPage, in: Self.pageLimit)
        // One more than is shown tells whether there is a next page.
        let found = try await fetch(try numberAfter(), limit + 1)
        let page = found.prefix(limit)
        let next = found.count > limit ? page.last.map { "\(number($0))" } : nil
        return linked(try .json(NumberedPage(name: name, items: page.map(document), next: next)), next: next)
    }
}

extension Problem {
    /// A list's `after` that no answer gave.
    package static let badPosition = Problem(
        .badRequest,
        detail: "The query's after takes what an answer gave as next."
    )
}

private struct NumberedPage<Document: Encodable>: Encodable {
    let name: String
    let items: [Document]
    let next: String?

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Key.self)
        try members.encode(items, forKey: Key(stringValue: name))
        try members.encodeIfPresent(next, forKey: Key(stringValue: "next"))
    }
}
