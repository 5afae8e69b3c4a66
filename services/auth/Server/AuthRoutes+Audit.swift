import Accounts
import HTTPKit
import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// `/api/audit`: what was done, by whom; operators see all of it, owners and administrators what concerns their
/// organisation.
extension AuthRoutes {
    /// Lines of a page.
    private static let standardAuditPage = 50

    private struct Document: Encodable {
        var id: Int64
        var at: String
        var actor: String
        var action: String
        var subject: String
        var remote: String?
        /// A JSON object, as text.
        var detail: String
    }

    @Sendable func listAudit(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        guard caller.role != .member else { throw Problem.forbidden() }
        let query = try request.list(
            sorts: AuditListing.Sort.allCases.map(\.rawValue),
            order: "-id",
            filters: ["actor", "action", "subject", "since", "until", "organisation_id"],
            standard: Self.standardAuditPage,
            afterIsAlso: "before"
        )
        var filter = AuditFilter()
        // Tenants are told apart here and nowhere else: whatever the query says.
        let asked = try query.number("organisation_id").map { OrganisationID($0) }
        filter.organisation = caller.role == .platformAdmin ? asked : caller.organisation
        filter.actor = query.filters["actor"]
        filter.action = query.filters["action"]
        filter.subject = query.filters["subject"]
        (filter.since, filter.until) = (try query.moment("since"), try query.moment("until"))
        let listing = try query.applied(to: AuditListing(filter, limit: query.limit))
        return try request.answer("events", try await audit.auditTrail(listing), query) {
            Document(
                id: $0.number,
                at: RFC3339.text($0.event.at),
                actor: $0.event.actor,
                action: $0.event.action,
                subject: $0.event.subject,
                remote: $0.event.remote?.description,
                detail: $0.event.detail
            )
        }
    }
}
