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
        guard let text else { return }
        let place = value(.text(text))
        conditions.append("SUBSTR(\(column), 1, LENGTH(\(place))) = \(place)")
    }

    /// Octets anywhere in one of the columns; ASCII letters without regard to case.
    mutating func require(_ columns: [String], contain text: String?) {
        guard let text, !text.isEmpty else { return }
        let (whole, lower) = (value(.text(text)), value(.text(EmailAddress.lowercased(text))))
        let each = columns.flatMap {
            ["REPLACE(\($0), \(whole), '') <> \($0)", "REPLACE(LOWER(\($0)), \(lower), '') <> LOWER(\($0))"]
        }
        conditions.append("(\(each.joined(separator: " OR ")))")
    }

    mutating func go(on after: ListPosition?, _ key: String, _ tie: String, isDescending: Bool) {
        guard let after else { return }
        let (place, number): (SQLValue, SQLValue)
        switch after.key {
        case .text(let text): (place, number) = (.text(text), .integer(after.tie))
        case .number(let value): (place, number) = (.integer(value), .integer(after.tie))
        }
        let left = value(place)
        conditions.append("(\(key), \(tie)) \(isDescending ? "<" : ">") (\(left), \(value(number)))")
    }

    var text: String { conditions.isEmpty ? "" : " WHERE \(conditions.joined(separator: " AND "))" }
}

extension SQLStore {
    package func domains(_ listing: DomainListing) async throws(StoreError) -> [DomainEntry] {
        // Claims are nobody's by permission.
        if listing.permittedTo != nil, listing.status == .pending { return [] }
        let key =
            switch listing.sort {
            case .name: "name"
            case .createdAt: "created_at"
            }
        let direction = listing.isDescending ? "DESC" : "ASC"
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
        let order = " ORDER BY \(key) \(direction), organisation_id \(direction) LIMIT \(limit)"
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
        let values = statement.values
        return try await database.read(.recent) { connection throws(StoreError) in
            try connection.all(sql, values, Self.domainEntry)
        }
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
        let direction = listing.isDescending ? "DESC" : "ASC"
        var statement = ListStatement()
        statement.require("accounts.domain =", .text(EmailAddress.lowercased(listing.domain)))
        statement.require("accounts.role =", listing.role.map { .text($0.rawValue) })
        statement.require(
            "\(Self.accountStatus) =",
            listing.status.map { .text($0.rawValue) }
        )
        statement.require("accounts.primary_address", beginsWith: listing.prefix)
        statement.go(on: listing.after, key, "accounts.account_id", isDescending: listing.isDescending)
        let limit = statement.value(.integer(Int64(listing.limit)))
        let sql = """
            \(Self.accountQuery)\(statement.text) ORDER BY \(key) \(direction), accounts.account_id \(direction) LIMIT \(limit)
            """
        let values = statement.values
        return try await database.read(.recent) { connection throws(StoreError) in
            try connection.all(sql, values, Self.account)
        }
    }
}
