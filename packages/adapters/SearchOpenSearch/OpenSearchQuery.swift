import MailModel
import MailPorts

/// Queries in OpenSearch's language.
enum OpenSearchQuery {
    /// Words of one query that are looked for; further ones are left out.
    static let maximumWords = 20
    /// Octets of a word.
    private static let maximumWord = 100

    private static let fields: JSONValue = ["subject^3", "from^2", "to", "cc", "body", "attachments"]

    static func body(_ query: SearchQuery, after: SearchPosition?, limit: Int) throws(SearchIndexError) -> JSONValue {
        var body: [String: JSONValue] = [
            "size": .integer(Int64(limit)), "_source": false, "track_total_hits": false,
            "query": ["bool": ["filter": .array(filters(query)), "must": .array(words(query.text))]],
            "sort": query.order == .newest
                ? [["received_at": ["order": "desc"]], ["email": ["order": "desc"]]]
                : [["_score": ["order": "desc"]], ["email": ["order": "desc"]]],
        ]
        if let after { body["search_after"] = try place(after) }
        return .object(body)
    }

    /// Nothing is found without the first of these: mail of the one account.
    private static func filters(_ query: SearchQuery) -> [JSONValue] {
        var filters: [JSONValue] = [["term": ["account": .text("\(query.account)")]]]
        for (field, text) in [("from", query.from), ("to", query.to), ("subject", query.subject)] {
            guard let text else { continue }
            filters.append(["match": .object([field: ["query": .text(text), "operator": "and"]])])
        }
        if let has = query.hasAttachment { filters.append(["term": ["has_attachment": .boolean(has)]]) }
        var range: [String: JSONValue] = [:]
        if let since = query.since { range["gte"] = .integer(milliseconds(since)) }
        if let until = query.until { range["lt"] = .integer(milliseconds(until)) }
        if !range.isEmpty { filters.append(["range": ["received_at": .object(range)]]) }
        return filters
    }

    /// Every word somewhere; the last one is perhaps not written out yet.
    private static func words(_ text: String?) -> [JSONValue] {
        let words = (text ?? "").utf8.split { $0 <= 32 }.prefix(maximumWords).map {
            String(decoding: $0.prefix(maximumWord), as: UTF8.self)
        }
        return words.enumerated().map { place, word in
            [
                "multi_match": [
                    "query": .text(word), "fields": fields,
                    "type": place == words.count - 1 ? "phrase_prefix" : "phrase",
                ]
            ]
        }
    }

    static func milliseconds(_ moment: Timestamp) -> Int64 { moment.microseconds / 1_000 }

    // MARK: - Places

    /// `score,email` or `milliseconds,email`, as the hit's sort values were.
    private static func place(_ position: SearchPosition) throws(SearchIndexError) -> JSONValue {
        let parts = position.text.utf8.split(separator: 44, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard parts.count == 2, let email = Int64(parts[1]) else { throw .badPosition }
        if let whole = Int64(parts[0]) { return .array([.integer(whole), .integer(email)]) }
        guard let score = Double(parts[0]), score.isFinite else { throw .badPosition }
        return .array([.number(score), .integer(email)])
    }

    /// The hits of an answer.
    struct Found: Decodable {
        struct Outer: Decodable {
            var hits: [Hit]
        }
        struct Hit: Decodable {
            var sort: [Double]
        }
        var hits: Outer

        /// Whole numbers up to 2⁵³, which every number in a place is that is no score.
        private static let largestWhole = 9_007_199_254_740_992.0

        var searchHits: [SearchHit] {
            hits.hits.compactMap { hit in
                guard hit.sort.count == 2, hit.sort[1] == hit.sort[1].rounded(), hit.sort[1] > 0,
                    hit.sort[1] < Self.largestWhole
                else { return nil }
                let email = Int64(hit.sort[1])
                let first = hit.sort[0]
                let isWhole = first == first.rounded() && abs(first) < Self.largestWhole
                return SearchHit(
                    email: EmailID(email),
                    position: SearchPosition(isWhole ? "\(Int64(first)),\(email)" : "\(first),\(email)")
                )
            }
        }
    }
}
