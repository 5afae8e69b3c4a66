import Database
import MailModel
package import MailPorts

extension SQLStore: OAuthClientStore {
    package func addOAuthClient(
        _ client: OAuthClient,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let owner: SQLValue = .optional(client.organisation?.rawValue)
            if let organisation = client.organisation {
                let isThere = try connection.first(
                    "SELECT 1 FROM organisations WHERE organisation_id = $1\(connection.dialect.forUpdate)",
                    [.integer(organisation.rawValue)]
                ) { _ throws(StoreError) in true }
                guard isThere == true else { throw .notFound }
            }
            let count = try connection.first(
                client.organisation == nil
                    ? "SELECT COUNT(*) FROM oauth_clients WHERE organisation_id IS NULL AND is_self_registered = 0"
                    : "SELECT COUNT(*) FROM oauth_clients WHERE organisation_id = $1",
                client.organisation == nil ? [] : [owner]
            ) { row throws(StoreError) in row.integer(0) }
            guard (count ?? 0) < limit else { throw .refused("there are \(limit) clients, which is as many as may be") }
            try Self.insert(client, connection)
            try Self.record(audit, of: client.organisation, connection)
        }
    }

    static func insert(
        _ client: OAuthClient,
        orElse conflict: String = "",
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO oauth_clients (client_id, organisation_id, name, secret_hash, redirect_uris, scopes, id_token_algorithm,
                is_self_registered, created_at, created_by, version)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)\(conflict)
            """,
            [
                .text(client.id), .optional(client.organisation?.rawValue), .text(client.name),
                client.secretHash.map { .bytes($0) } ?? .null, .text(joined(client.redirectURIs)),
                .text(joined(client.scopes)), .text(client.idTokenAlgorithm.rawValue),
                .integer(client.isSelfRegistered ? 1 : 0), .integer(client.createdAt.microseconds),
                .text(client.createdBy),
            ]
        )
    }

    package func oauthClient(_ id: String) async throws(StoreError) -> OAuthClient? {
        try await database.read { connection throws(StoreError) in try Self.client(id, connection) }
    }

    package func oauthClients(_ listing: ClientListing) async throws(StoreError) -> [OAuthClient] {
        let key =
            switch listing.sort {
            case .name: "name"
            case .createdAt: "created_at"
            }
        var statement = ListStatement()
        statement.require("organisation_id =", listing.organisation.map { .integer($0.rawValue) })
        if let isPublic = listing.isPublic {
            statement.conditions.append("secret_hash IS \(isPublic ? "" : "NOT ")NULL")
        }
        statement.require(["name", "client_id"], contain: listing.text)
        return try await all(Self.clientQuery + statement.page(listing, by: key, "client_id"), statement, Self.client)
    }

    package func changeOAuthClient(_ client: OAuthClient, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                """
                UPDATE oauth_clients SET name = $3, secret_hash = $4, redirect_uris = $5, scopes = $6, id_token_algorithm = $7,
                version = version + 1 WHERE client_id = $1 AND version = $2
                """,
                [
                    .text(client.id), .integer(client.version), .text(client.name),
                    client.secretHash.map { .bytes($0) } ?? .null, .text(Self.joined(client.redirectURIs)),
                    .text(Self.joined(client.scopes)), .text(client.idTokenAlgorithm.rawValue),
                ]
            )
            guard changed == 1 else { throw .notFound }
            try Self.record(audit, of: client.organisation, connection)
        }
    }

    package func removeOAuthClient(_ id: String, audit: AuditEvent) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            guard let client = try Self.client(id, connection) else { throw .notFound }
            let key: [SQLValue] = [.text(id)]
            try connection.execute("DELETE FROM oauth_clients WHERE client_id = $1", key)
            for table in ["oauth_codes", "oauth_consents", "oauth_devices"] {
                try connection.execute("DELETE FROM \(table) WHERE client_id = $1", key)
            }
            try Self.endSessions(
                "family IN (SELECT family FROM oauth_grants WHERE client_id = $2)",
                key,
                now: now,
                connection
            )
            try Self.record(audit, of: client.organisation, connection)
        }
    }

    // MARK: - Rows

    static func joined(_ words: [String]) -> String { words.joined(separator: " ") }

    static func split(_ text: String) -> [String] {
        text.utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
    }

    private static let clientQuery = """
        SELECT client_id, organisation_id, name, secret_hash, redirect_uris, scopes, id_token_algorithm, is_self_registered,
        created_at, created_by, version FROM oauth_clients
        """

    static func client(
        _ id: String,
        isLocked: Bool = false,
        _ connection: any SQLConnection
    ) throws(StoreError) -> OAuthClient? {
        let lock = isLocked ? connection.dialect.forUpdate : ""
        return try connection.first("\(clientQuery) WHERE client_id = $1\(lock)", [.text(id)], client)
    }

    private static func client(_ row: any SQLRow) throws(StoreError) -> OAuthClient {
        OAuthClient(
            id: row.text(0),
            organisation: row.optionalInteger(1).map { OrganisationID($0) },
            name: row.text(2),
            secretHash: row.isNull(3) ? nil : row.bytes(3),
            redirectURIs: split(row.text(4)),
            scopes: split(row.text(5)),
            idTokenAlgorithm: TokenAlgorithm(rawValue: row.text(6)) ?? .es256,
            isSelfRegistered: row.integer(7) != 0,
            createdAt: Timestamp(microseconds: row.integer(8)),
            createdBy: row.text(9),
            version: row.integer(10)
        )
    }
}
