package import HTTPKit
package import MailPorts

/// Lists that the store sorts.
extension APIRequest {
    /// Reads the query of a list; sorted by the first of `sorts` when nothing is asked, unless `order` says otherwise.
    ///
    /// - Throws: 400 that names what the list takes.
    package func list<Sort: ListSort>(
        _ sorts: Sort.Type,
        order: String? = nil,
        filters: [String]
    ) throws(Problem) -> ListQuery {
        try list(sorts: Sort.allCases.map(\.rawValue), order: order, filters: filters)
    }

    /// Answers with one page and a `Link` to the next.
    ///
    /// - Parameter found: what the store gave for the listing that the query was `applied` to.
    package func answer<Row: Listed, Document: Encodable>(
        _ name: String,
        _ found: [Row],
        _ query: ListQuery,
        as document: (Row) -> Document
    ) throws -> APIResponse {
        guard let sort = Row.Sort(rawValue: query.sort) else { preconditionFailure("no order \(query.sort)") }
        let page = found.prefix(query.limit)
        let next = found.count > query.limit ? page.last.map { query.cursor($0.place(by: sort)) } : nil
        return linked(try .json(ListPage(name, page.map(document), next: next)), next: next)
    }
}

extension ListQuery {
    /// The listing with the query's order, place and length: one row more than is shown tells whether there is a next page.
    ///
    /// - Throws: 400 for an `after` that no answer gave.
    package func applied<List: Listing>(to listing: List) throws(Problem) -> List {
        guard let order = List.Sort(rawValue: sort) else { preconditionFailure("no order \(sort)") }
        var listing = listing
        (listing.sort, listing.isDescending, listing.limit) = (order, isDescending, limit + 1)
        guard let parts = try position() else { return listing }
        let key = try Self.key(parts[0], isNumber: order.isNumber)
        switch try Self.key(parts[1], isNumber: order.isTieNumber) {
        case .text(let tie): listing.after = ListPosition(key: key, tie: tie)
        case .number(let tie): listing.after = ListPosition(key: key, tie: tie)
        }
        return listing
    }

    private static func key(_ bytes: [UInt8], isNumber: Bool) throws(Problem) -> ListPosition.Key {
        let text = String(decoding: bytes, as: UTF8.self)
        guard isNumber else {
            guard !bytes.contains(0) else { throw .badPosition }
            return .text(text)
        }
        guard let number = Int64(text) else { throw .badPosition }
        return .number(number)
    }

    fileprivate func cursor(_ place: ListPosition) -> String {
        cursor([place.key, place.tie].map { Array($0.text.utf8) })
    }
}

extension ListPosition.Key {
    fileprivate var text: String {
        switch self {
        case .text(let text): text
        case .number(let number): "\(number)"
        }
    }
}

extension Schema {
    /// What `sort` of a list takes that the store sorts.
    package static func sort<Sort: ListSort>(_ sorts: Sort.Type) -> Schema {
        let names = Sort.allCases.map(\.rawValue)
        return .choice(names + names.map { "-\($0)" })
    }

    /// What a filter takes that has the type's words.
    package static func words<Word: RawRepresentable & CaseIterable>(_ words: Word.Type) -> Schema
    where Word.RawValue == String {
        .choice(Word.allCases.map(\.rawValue))
    }
}
