import MailPorts

extension Listing {
    /// The page of a list that has these rows.
    func page<Row: Listed>(of rows: [Row]) -> [Row] where Row.Sort == Sort {
        func precedes(_ left: ListPosition, _ right: ListPosition) -> Bool {
            isDescending ? right.precedes(left) : left.precedes(right)
        }
        let sorted = rows.sorted { precedes($0.place(by: sort), $1.place(by: sort)) }
        let rest = sorted.filter { row in after.map { precedes($0, row.place(by: sort)) } ?? true }
        return Array(rest.prefix(limit))
    }
}
