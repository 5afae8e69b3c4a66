import Database
import FoundationEssentials
package import MailModel
package import MailPorts

extension SQLStore: BrandingStore {
    package func branding(ofDomain name: String) async throws(StoreError) -> BrandingRecord? {
        let name = EmailAddress.lowercased(name)
        let row = try await database.read(.recent) { connection throws(StoreError) in
            try Self.brandingRow(name, connection)
        }
        return try row.map { row throws(StoreError) in try record(row, name) }
    }

    package func logo(ofDomain name: String) async throws(StoreError) -> BrandingLogo? {
        let name = EmailAddress.lowercased(name)
        return try await database.read(.recent) { connection throws(StoreError) in
            try connection.first(
                """
                SELECT logo_type, logo FROM domain_branding JOIN domains ON domains.name = domain_branding.domain
                WHERE domain = $1 AND status <> 'deleted' AND logo_type IS NOT NULL
                """,
                [.text(name)]
            ) { row throws(StoreError) in BrandingLogo(type: row.text(0), bytes: row.bytes(1)) }
        }
    }

    package func setBranding(
        _ branding: DomainBranding,
        ofDomain name: String,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> BrandingRecord {
        let (name, now) = (EmailAddress.lowercased(name), clock.now())
        let text = try Self.text(of: branding)
        let row = try await database.write { connection throws(StoreError) -> BrandingRow? in
            let before = try Self.lockBranding(name, connection)
            guard expected == nil || expected == before?.version ?? 0 else { throw .alreadyExists }
            try connection.execute(
                """
                INSERT INTO domain_branding (domain, version, document, changed_at) VALUES ($1, 1, $2, $3)
                ON CONFLICT (domain) DO UPDATE SET version = domain_branding.version + 1, document = $2, changed_at = $3
                """,
                [.text(name), .text(text), .integer(now.microseconds)]
            )
            var event = audit
            event.detail = "{\"before\":\(before?.text ?? "{}"),\"after\":\(text)}"
            try Self.record(event, connection)
            return try Self.brandingRow(name, connection)
        }
        guard let row else { throw .notFound }
        return try record(row, name)
    }

    package func setLogo(
        _ logo: BrandingLogo?,
        ofDomain name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> BrandingRecord {
        let (name, now) = (EmailAddress.lowercased(name), clock.now())
        let row = try await database.write { connection throws(StoreError) -> BrandingRow? in
            _ = try Self.lockBranding(name, connection)
            try connection.execute(
                """
                INSERT INTO domain_branding (domain, version, document, logo_type, logo, changed_at) VALUES ($1, 1, '{}', $2, $3, $4)
                ON CONFLICT (domain) DO UPDATE SET version = domain_branding.version + 1, logo_type = $2, logo = $3, changed_at = $4
                """,
                [
                    .text(name), .optional(logo?.type), logo.map { .bytes($0.bytes) } ?? .null,
                    .integer(now.microseconds),
                ]
            )
            var event = audit
            event.detail = "{\"octets\":\(logo?.bytes.count ?? 0)}"
            try Self.record(event, connection)
            return try Self.brandingRow(name, connection)
        }
        guard let row else { throw .notFound }
        return try record(row, name)
    }

    // MARK: - Rows

    private struct BrandingRow: Sendable {
        var version: Int64
        var text: String
        var logoType: String?
    }

    private static func brandingRow(
        _ name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> BrandingRow? {
        try connection.first(
            """
            SELECT version, document, logo_type FROM domain_branding JOIN domains ON domains.name = domain_branding.domain
            WHERE domain = $1 AND status <> 'deleted'
            """,
            [.text(name)]
        ) { row throws(StoreError) in
            BrandingRow(version: row.integer(0), text: row.text(1), logoType: row.optionalText(2))
        }
    }

    /// What there is, with the domain's row locked; `.notFound` when it is not hosted.
    private static func lockBranding(
        _ name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> BrandingRow? {
        let isHosted = try connection.first(
            "SELECT 1 FROM domains WHERE name = $1 AND status <> 'deleted'\(connection.dialect.forUpdate)",
            [.text(name)]
        ) { _ throws(StoreError) in true }
        guard isHosted == true else { throw .notFound }
        return try brandingRow(name, connection)
    }

    private func record(_ row: BrandingRow, _ name: String) throws(StoreError) -> BrandingRecord {
        do {
            return BrandingRecord(
                version: row.version,
                branding: try JSONDecoder().decode(DomainBranding.self, from: Data(row.text.utf8)),
                logoType: row.logoType
            )
        } catch {
            throw .damaged(reportID: reports.report("the branding of \(name) does not read", cause: "\(error)"))
        }
    }

    private static func text(of branding: DomainBranding) throws(StoreError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(branding), as: UTF8.self)
        } catch {
            throw .refused("the branding cannot be written")
        }
    }
}
