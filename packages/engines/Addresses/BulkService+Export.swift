import CSVWire
import MailModel
import MailPorts

/// A page of an export.
package struct BulkPage: Sendable {
    /// CSV with its header.
    package var bytes: [UInt8]
    package var rows: Int
    /// The `after` of the next page; nil on the last.
    package var next: String?
}

extension BulkService {
    /// Members of one list that are read at once.
    private static let memberPage = 1_000

    /// A page of a domain's table; importing it changes nothing.
    ///
    /// - Parameter header: whether the names of the columns stand in front.
    package func export(
        _ kind: BulkKind,
        of domain: String,
        after: String?,
        limit: Int,
        header: Bool = true
    ) async throws(BulkFault) -> BulkPage {
        var writer = CSVWriter()
        if header { writer.add(kind.columns.map(\.rawValue)) }
        let rows = try await rows(kind, of: domain, after: after, limit: limit)
        for row in rows { writer.add(kind.columns.map { FormulaGuard.guarded(row.cells[$0] ?? "") }) }
        return BulkPage(bytes: writer.bytes, rows: rows.count, next: rows.count == limit ? rows.last?.key : nil)
    }

    private struct Row {
        /// What the next page begins behind.
        var key: String
        var cells: [BulkColumn: String]

        init(_ address: EmailAddress, _ cells: [BulkColumn: String]) {
            key = address.canonical
            self.cells = cells
            self.cells[.address] = address.description
        }
    }

    private func rows(
        _ kind: BulkKind,
        of domain: String,
        after: String?,
        limit: Int
    ) async throws(BulkFault) -> [Row] {
        try await stored { () async throws(StoreError) in
            switch kind {
            case .accounts:
                try await store.bulkAccounts(ofDomain: domain, after: after, limit: limit).map(Self.row)
            case .aliases:
                try await book.aliases(ofDomain: domain, after: after, limit: limit).map { alias in
                    Row(alias.address, [.targets: Self.joined(alias.targets)])
                }
            case .lists: try await lists(of: domain, after: after, limit: limit)
            case .masked:
                try await store.bulkMasked(ofDomain: domain, after: after, limit: limit).map { masked in
                    Row(
                        masked.address,
                        [.account: masked.account.description, .state: masked.isEnabled ? "enabled" : "disabled"]
                    )
                }
            }
        }
    }

    private static func row(_ account: BulkAccountRow) -> Row {
        Row(
            account.address,
            [
                .displayName: account.displayName, .quotaBytes: account.quotaBytes.map { "\($0)" } ?? "",
                .state: account.status.rawValue, .language: account.language ?? "",
                .timeZone: account.timeZone ?? "",
            ]
        )
    }

    private func lists(of domain: String, after: String?, limit: Int) async throws(StoreError) -> [Row] {
        var rows: [Row] = []
        for list in try await book.lists(ofDomain: domain, after: after, limit: limit) {
            var members: [EmailAddress] = []
            while true {
                let last = members.last?.canonical
                let page = try await book.members(of: list.address, after: last, limit: Self.memberPage)
                members += page
                guard page.count == Self.memberPage else { break }
            }
            rows.append(
                Row(
                    list.address,
                    [
                        .name: list.name, .posting: list.posting.rawValue,
                        .maximumSize: list.maximumSize.map { "\($0)" } ?? "",
                        .owners: Self.joined(try await book.owners(of: list.address).map(\.primaryAddress)),
                        .members: Self.joined(members),
                        .senders: Self.joined(try await book.senders(of: list.address)),
                    ]
                )
            )
        }
        return rows
    }

    private static func joined(_ addresses: [EmailAddress]) -> String {
        addresses.map(\.description).joined(separator: " ")
    }
}
