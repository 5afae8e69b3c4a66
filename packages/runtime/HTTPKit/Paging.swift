import MailCrypto

/// What a list is asked for: `limit`, `after`, `sort` and filters, named alike on every list.
package struct ListQuery: Sendable {
    package let limit: Int
    /// One of the names that the list sorts by.
    package let sort: String
    package let isDescending: Bool
    /// Filters that were given, by name; without NUL, which the database of a cluster does not know.
    package let filters: [String: String]
    /// Where the page goes on, in the parts that `cursor` was given; nil: from the beginning.
    fileprivate let place: [[UInt8]]?
    /// Of this list in this order: what another's answer gave as `next` is no place in it.
    fileprivate let mark: [UInt8]
}

extension APIRequest {
    package static let pageLimit = 1...500
    package static let standardPage = 100
    /// Octets of `after` and of a filter.
    private static let longestQueryValue = 1_000
    /// Octets that tell one list and order from another.
    private static let markLength = 6

    /// Reads the query of a list.
    ///
    /// - Parameters:
    ///   - sorts: what the list sorts by.
    ///   - order: what it is sorted by when nothing is asked, the first of `sorts` by default; `-` in front means the other way
    ///     round.
    ///   - oldName: what `after` was called once.
    /// - Throws: 400 that names what the list takes; also for an `after` that this list, in this order, did not give.
    package func list(
        sorts: [String],
        order: String? = nil,
        filters: [String] = [],
        limit range: ClosedRange<Int> = APIRequest.pageLimit,
        standard: Int = APIRequest.standardPage,
        afterIsAlso oldName: String? = nil
    ) throws(Problem) -> ListQuery {
        let limit = try query("limit", default: min(standard, range.upperBound), in: range)
        let asked = query("sort") ?? order ?? sorts[0]
        let isDescending = asked.utf8.first == UInt8(ascii: "-")
        let sort = isDescending ? String(decoding: asked.utf8.dropFirst(), as: UTF8.self) : asked
        guard sorts.contains(where: { $0.utf8.elementsEqual(sort.utf8) }) else {
            throw Problem(
                .badRequest,
                detail: "The query's sort takes \(sorts.joined(separator: ", ")), with - in front for descending."
            )
        }
        var given: [String: String] = [:]
        for name in filters { given[name] = query(name) }
        let after = query("after") ?? oldName.flatMap { query($0) }
        for (name, value) in given.merging(after.map { ["after": $0] } ?? [:], uniquingKeysWith: { first, _ in first })
        {
            guard value.utf8.count <= Self.longestQueryValue else {
                throw Problem(
                    .badRequest,
                    detail: "The query's \(name) takes at most \(Self.longestQueryValue) octets."
                )
            }
            guard !value.utf8.contains(0) else {
                throw Problem(.badRequest, detail: "The query's \(name) takes no control characters.")
            }
        }
        let mark = SHA256.hash(Array("\(resource)\n\(isDescending ? "-" : "")\(sort)".utf8)).prefix(Self.markLength)
        return ListQuery(
            limit: limit,
            sort: sort,
            isDescending: isDescending,
            filters: given,
            place: try after.map { after throws(Problem) in try ListQuery.place(after, Array(mark)) },
            mark: Array(mark)
        )
    }

    /// The answer with a `Link` to the next page (RFC 8288), where there is one.
    package func linked(_ answer: APIResponse, next: String?) -> APIResponse {
        guard let next else { return answer }
        var query: [String] = []
        for part in target.utf8.drop(while: { $0 != 63 }).dropFirst().split(separator: 38) {
            let name = part.prefix { $0 != 61 }
            // Only what is safe between angle brackets comes back.
            guard !name.elementsEqual("after".utf8),
                part.allSatisfy({ (33...126).contains($0) && $0 != 62 && $0 != 60 })
            else { continue }
            query.append(String(decoding: part, as: UTF8.self))
        }
        query.append("after=\(PercentEncoding.encoded(next))")
        var answer = answer
        let place = String(
            decoding: path.utf8.filter { (33...126).contains($0) && $0 != 62 && $0 != 60 },
            as: UTF8.self
        )
        answer.headers["Link"] = "<\(place)?\(query.joined(separator: "&"))>; rel=\"next\""
        return answer
    }
}

extension ListQuery {
    /// A page of a list that is in memory as a whole: sorted by what was asked, ties by `id`, cut behind `after`.
    ///
    /// - Parameter keys: what an item is sorted by, by name, as text whose octets are in order.
    /// - Returns: the page, and the `after` of the one behind it, if there is one.
    package func page<Item>(
        of items: [Item],
        keys: [String: (Item) -> String],
        id: (Item) -> String
    ) throws(Problem) -> (items: [Item], next: String?) {
        guard let key = keys[sort] else { preconditionFailure("no key for \(sort)") }
        typealias Row = (position: [[UInt8]], item: Item)
        var rows: [Row] = items.map { ([Array(key($0).utf8), Array(id($0).utf8)], $0) }
        rows.sort { isDescending ? Self.precedes($1.position, $0.position) : Self.precedes($0.position, $1.position) }
        if let position = try position() {
            rows.removeAll {
                isDescending ? !Self.precedes($0.position, position) : !Self.precedes(position, $0.position)
            }
        }
        let page = rows.prefix(limit)
        let next = rows.count > limit ? page.last.map { cursor($0.position) } : nil
        return (page.map(\.item), next)
    }

    private static func precedes(_ left: [[UInt8]], _ right: [[UInt8]]) -> Bool {
        for (one, other) in zip(left, right) where one != other { return one.lexicographicallyPrecedes(other) }
        return false
    }

    // MARK: - Places

    /// A position as text that says nothing to clients.
    package func cursor(_ parts: [[UInt8]]) -> String {
        ([mark] + parts).map { Base64URL.encode($0) }.joined(separator: ".")
    }

    /// The parts that `cursor` was given; nil: from the beginning.
    package func position(parts count: Int = 2) throws(Problem) -> [[UInt8]]? {
        guard place == nil || place?.count == count else { throw .badPosition }
        return place
    }

    fileprivate static func place(_ cursor: String, _ mark: [UInt8]) throws(Problem) -> [[UInt8]] {
        let parts = cursor.utf8.split(separator: 46, omittingEmptySubsequences: false).map { Base64URL.decode($0) }
        let known = parts.compactMap { $0 }
        guard known.count == parts.count, known.first == mark else { throw .badPosition }
        return Array(known.dropFirst())
    }
}

extension Problem {
    /// A list's `after` that no answer gave.
    package static let badPosition = Problem(
        .badRequest,
        detail: "The query's after takes what an answer gave as next."
    )
}
