import Database
package import MailPorts

extension SQLStore: DelegatedKeyStore {
    package func keys(
        named selectors: [String],
        afterDomain domain: String?,
        limit: Int
    ) async throws(StoreError) -> [DKIMKey] {
        guard !selectors.isEmpty else { return [] }
        let places = selectors.indices.map { "$\($0 + 3)" }.joined(separator: ", ")
        return try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT \(Self.keyColumns) FROM dkim_keys
                WHERE selector IN (\(places)) AND domain IN (
                    SELECT name FROM domains WHERE name > $1 AND status <> 'deleted' AND EXISTS (
                        SELECT 1 FROM dkim_keys held WHERE held.domain = domains.name AND held.selector IN (\(places))
                    ) ORDER BY name LIMIT $2
                )
                ORDER BY domain, selector
                """,
                [.text(domain ?? ""), .integer(Int64(limit))] + selectors.map { .text($0) },
                Self.key
            )
        }
    }
}
