import Database
import MailModel
package import MailPorts

/// The conditions and values of a list's statement.
struct ListStatement {
    var values: [SQLValue] = []
    var conditions: [String] = []

    mutating func value(_ value: SQLValue) -> String {
        values.append(value)
        return "$\(values.count)"
    }

    mutating func require(_ condition: String, _ value: SQLValue?) {
        guard let value else { return }
        conditions.append("\(condition) \(self.value(value))")
    }

    /// Octets, not patterns: `%` and `_` stand for themselves.
    mutating func require(_ column: String, beginsWith text: String?) {
        guard let text, !text.isEmpty else { return }
        conditions.append(beginning(column, text))
    }

    mutating func beginning(_ column: String, _ text: String) -> String {
        let place = value(.text(text))
        // An index on the column is read from where the text begins to where nothing begins so any more.
        let whole = "\(column) >= \(place) AND SUBSTR(\(column), 1, LENGTH(\(place))) = \(place)"
        guard let last = text.utf8.last, last < 0x7F else { return whole }
        return
            "\(whole) AND \(column) < \(value(.text(String(decoding: text.utf8.dropLast() + [last + 1], as: UTF8.self))))"
    }

    /// Octets anywhere in one of the columns; ASCII letters without regard to case.
    mutating func require(_ columns: [String], contain text: String?) {
        guard let text, !text.isEmpty else { return }
        conditions.append(containing(columns, text))
    }

    mutating func containing(_ columns: [String], _ text: String) -> String {
        let (whole, lower) = (value(.text(text)), value(.text(EmailAddress.lowercased(text))))
        let each = columns.flatMap {
            ["REPLACE(\($0), \(whole), '') <> \($0)", "REPLACE(LOWER(\($0)), \(lower), '') <> LOWER(\($0))"]
        }
        return "(\(each.joined(separator: " OR ")))"
    }

    private static func value(_ key: ListPosition.Key) -> SQLValue {
        switch key {
        case .text(let text): .text(text)
        case .number(let number): .integer(number)
        }
    }

    mutating func go(on after: ListPosition?, _ key: String, _ tie: String, isDescending: Bool) {
        guard let after else { return }
        let (sign, left) = (isDescending ? "<" : ">", value(Self.value(after.key)))
        conditions.append(
            key == tie
                ? "\(key) \(sign) \(left)" : "(\(key), \(tie)) \(sign) (\(left), \(value(Self.value(after.tie))))"
        )
    }

    var text: String { conditions.isEmpty ? "" : " WHERE \(conditions.joined(separator: " AND "))" }

    /// The conditions, the order and the end of a page; rows are unique by `tie`.
    mutating func page(_ listing: some Listing, by key: String, _ tie: String) -> String {
        go(on: listing.after, key, tie, isDescending: listing.isDescending)
        let conditions = text
        return "\(conditions)\(Self.order(listing, key, tie)) LIMIT \(value(.integer(Int64(listing.limit))))"
    }

    static func order(_ listing: some Listing, _ key: String, _ tie: String) -> String {
        let direction = listing.isDescending ? "DESC" : "ASC"
        return " ORDER BY \(key) \(direction)\(key == tie ? "" : ", \(tie) \(direction)")"
    }
}

extension SQLStore {
    /// The rows of a statement whose values and conditions these are.
    func all<Row: Sendable>(
        _ sql: String,
        _ statement: ListStatement,
        freshness: SQLFreshness = .latest,
        _ row: @escaping @Sendable (any SQLRow) throws(StoreError) -> Row
    ) async throws(StoreError) -> [Row] {
        let values = statement.values
        return try await database.read(freshness) { connection throws(StoreError) in
            try connection.all(sql, values, row)
        }
    }

    package func domains(_ listing: DomainListing) async throws(StoreError) -> [DomainEntry] {
        // Claims are nobody's by permission.
        if listing.permittedTo != nil, listing.status == .pending { return [] }
        let key =
            switch listing.sort {
            case .name: "name"
            case .createdAt: "created_at"
            }
        var statement = ListStatement()
        statement.require("organisation_id =", listing.organisation.map { .integer($0.rawValue) })
        statement.require("name", beginsWith: listing.prefix)
        if let account = listing.permittedTo {
            let holder = statement.value(.integer(account.rawValue))
            statement.conditions.append(
                "name IN (SELECT domain FROM domain_permissions WHERE account_id = \(holder))"
            )
        }
        statement.go(on: listing.after, key, "organisation_id", isDescending: listing.isDescending)
        let limit = statement.value(.integer(Int64(listing.limit)))
        let order = "\(ListStatement.order(listing, key, "organisation_id")) LIMIT \(limit)"
        let claims = """
            SELECT * FROM (
                SELECT domain_id, organisation_id, name, 'pending' AS status, created_at, NULL AS reason,
                expires_at AS purge_at, token FROM domain_claims\(statement.text)\(order)
            ) AS claimed
            """
        if let status = listing.status, let stored = Self.stored(status) {
            statement.require("status =", .text(stored))
        }
        let hosted = """
            SELECT * FROM (SELECT \(Self.domainColumns), NULL AS token FROM domains\(statement.text)\(order)) AS hosted
            """
        let parts =
            switch listing.status {
            case _ where listing.permittedTo != nil: hosted
            case nil: "\(hosted) UNION ALL \(claims)"
            case .pending: claims
            case .verified, .suspended, .deleted: hosted
            }
        let sql = "SELECT * FROM (\(parts)) AS entries\(order)"
        return try await all(sql, statement, freshness: .recent, Self.domainEntry)
    }

    private static func stored(_ status: DomainListing.Status) -> String? {
        switch status {
        case .pending: nil
        case .verified: HostedDomain.Status.active.rawValue
        case .suspended: HostedDomain.Status.suspended.rawValue
        case .deleted: HostedDomain.Status.deleted.rawValue
        }
    }

    package func accounts(_ listing: AccountListing) async throws(StoreError) -> [Account] {
        let key =
            switch listing.sort {
            case .email: "accounts.primary_address"
            case .createdAt: "accounts.created_at"
            }
        var statement = ListStatement()
        statement.require("accounts.domain =", .text(EmailAddress.lowercased(listing.domain)))
        statement.require("accounts.role =", listing.role.map { .text($0.rawValue) })
        statement.require(
            "\(Self.accountStatus) =",
            listing.status.map { .text($0.rawValue) }
        )
        statement.require("accounts.primary_address", beginsWith: listing.prefix)
        let sql = Self.accountQuery + statement.page(listing, by: key, "accounts.account_id")
        return try await all(sql, statement, freshness: .recent, Self.account)
    }
}
