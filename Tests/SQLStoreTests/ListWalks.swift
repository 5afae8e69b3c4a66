import MailPorts
import Testing

/// Walks a list in every order that it has, in pages of several lengths, and holds the walks against each other.
///
/// - Parameter count: how many rows there are.
/// - Returns: the rows in the list's own order.
@discardableResult
func walk<List: Listing, Row: Listed & Sendable>(
    _ listing: List,
    lengths: [Int] = [1, 3, 7],
    count: Int,
    _ location: SourceLocation = #_sourceLocation,
    name: (Row) -> String,
    fetch: (List) async throws -> [Row]
) async throws -> [Row] where Row.Sort == List.Sort {
    for sort in List.Sort.allCases {
        var orders: [[String]] = []
        for isDescending in [false, true] {
            var whole = listing
            (whole.sort, whole.isDescending, whole.after, whole.limit) = (sort, isDescending, nil, 100_000)
            let rows = try await fetch(whole)
            #expect(rows.count == count && Set(rows.map(name)).count == count, "\(sort)", sourceLocation: location)
            for (one, next) in zip(rows, rows.dropFirst()) {
                let (left, right) = (one.place(by: sort), next.place(by: sort))
                let isInOrder = isDescending ? right.precedes(left) : left.precedes(right)
                #expect(isInOrder, "\(sort): \(left) then \(right)", sourceLocation: location)
            }
            orders.append(rows.map(name))
            for length in lengths {
                var page = whole
                page.limit = length
                let walked = try await page.every(fetch).map(name)
                #expect(walked == orders.last, "\(sort) in pages of \(length)", sourceLocation: location)
            }
        }
        #expect(orders[0] == orders[1].reversed(), "\(sort)", sourceLocation: location)
        #expect(Set(orders[0]) == Set(orders[1]), sourceLocation: location)
    }
    var whole = listing
    whole.limit = 100_000
    return try await fetch(whole)
}
