import Database
package import MailModel
package import MailPorts

/// What devices wait for (RFC 8628); a port of `OAuthGrantStore`.
extension SQLStore {
    package func addDeviceRequest(_ request: DeviceRequest, intervalSeconds: Int64) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            // What is over stays a while, so that its device hears so.
            try connection.execute(
                "DELETE FROM oauth_devices WHERE expires_at <= $1",
                [.integer(now.adding(seconds: -3_600).microseconds)]
            )
            try connection.execute(
                """
                INSERT INTO oauth_devices (device_hash, user_hash, client_id, scopes, expires_at, interval_seconds, state)
                VALUES ($1, $2, $3, $4, $5, $6, 'pending')
                """,
                [
                    .bytes(request.deviceHash), .bytes(request.userHash), .text(request.client),
                    .text(Self.joined(request.scopes)), .integer(request.expiresAt.microseconds),
                    .integer(intervalSeconds),
                ]
            )
        }
    }

    private static let deviceColumns = "device_hash, user_hash, client_id, scopes, expires_at"

    private static func device(_ row: any SQLRow) throws(StoreError) -> DeviceRequest {
        DeviceRequest(
            deviceHash: row.bytes(0),
            userHash: row.bytes(1),
            client: row.text(2),
            scopes: split(row.text(3)),
            expiresAt: Timestamp(microseconds: row.integer(4))
        )
    }

    package func deviceRequest(userHash: [UInt8], now: Timestamp) async throws(StoreError) -> DeviceRequest? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT \(Self.deviceColumns) FROM oauth_devices WHERE user_hash = $1 AND state = 'pending' AND expires_at > $2",
                [.bytes(userHash), .integer(now.microseconds)],
                Self.device
            )
        }
    }

    package func decideDeviceRequest(
        userHash: [UInt8],
        _ authentication: Authentication?,
        now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                UPDATE oauth_devices SET state = $3, account_id = $4, authenticated_at = $5, methods = $6
                WHERE user_hash = $1 AND state = 'pending' AND expires_at > $2
                """,
                [
                    .bytes(userHash), .integer(now.microseconds), .text(authentication == nil ? "denied" : "allowed"),
                    .optional(authentication?.account.rawValue), .optional(authentication?.at.microseconds),
                    .optional(authentication.map { Self.joined($0.methods) }),
                ]
            ) == 1
        }
    }

    private struct Waiting: Sendable {
        var request: DeviceRequest
        var intervalSeconds: Int64
        var polledAt: Int64?
        var state: String
        var authentication: Authentication?
    }

    private static func waiting(_ row: any SQLRow) throws(StoreError) -> Waiting {
        Waiting(
            request: try device(row),
            intervalSeconds: row.integer(5),
            polledAt: row.optionalInteger(6),
            state: row.text(7),
            authentication: row.optionalInteger(8).map {
                Authentication(
                    account: AccountID($0),
                    at: Timestamp(microseconds: row.integer(9)),
                    methods: split(row.text(10))
                )
            }
        )
    }

    /// Seconds that the interval grows by for one that asks too often (RFC 8628 §3.5).
    private static let slowerSeconds: Int64 = 5

    package func pollDeviceRequest(
        _ deviceHash: [UInt8],
        client: String,
        now: Timestamp
    ) async throws(StoreError) -> DeviceOutcome {
        try await database.write { connection throws(StoreError) in
            let known = try connection.first(
                """
                SELECT \(Self.deviceColumns), interval_seconds, polled_at, state, account_id, authenticated_at, methods
                FROM oauth_devices WHERE device_hash = $1\(connection.dialect.forUpdate)
                """,
                [.bytes(deviceHash)],
                Self.waiting
            )
            guard let known, known.request.client == client, known.state != "spent" else { return .unknown }
            guard known.request.expiresAt > now else { return .expired }
            let isTooSoon =
                known.polledAt.map { $0 + known.intervalSeconds * 1_000_000 > now.microseconds } ?? false
            try connection.execute(
                """
                UPDATE oauth_devices SET polled_at = $2, interval_seconds = $3, state = $4 WHERE device_hash = $1
                """,
                [
                    .bytes(deviceHash), .integer(now.microseconds),
                    .integer(known.intervalSeconds + (isTooSoon ? Self.slowerSeconds : 0)),
                    .text(!isTooSoon && known.state == "allowed" ? "spent" : known.state),
                ]
            )
            if isTooSoon { return .slowDown }
            switch (known.state, known.authentication) {
            case ("allowed", let authentication?): return .allowed(known.request, authentication)
            case ("denied", _): return .denied
            default: return .pending
            }
        }
    }
}
