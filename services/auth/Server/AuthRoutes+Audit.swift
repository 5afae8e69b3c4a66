import Accounts
import FoundationEssentials
import HTTPKit
import MailModel
import MailPorts
import Telemetry

/// `/api/audit`: what was done, by whom; operators see all of it, owners and administrators what concerns their
/// organisation.
extension AuthRoutes {
    /// Lines of a page.
    private static let auditPage = 1...500
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

    private struct Documents: Encodable {
        var events: [Document]
        /// Give it as `after` for the page behind this one; absent after the last.
        var next: String?
    }

    @Sendable func listAudit(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        guard caller.role != .member else { throw Problem.forbidden() }
        let limit = try request.query("limit", default: Self.standardAuditPage, in: Self.auditPage)
        var filter = AuditFilter()
        // Tenants are told apart here and nowhere else: whatever the query says.
        filter.organisation = caller.role == .platformAdmin ? nil : caller.organisation
        filter.actor = request.query("actor")
        filter.action = request.query("action")
        filter.subject = request.query("subject")
        filter.since = try Self.moment("since", request)
        filter.until = try Self.moment("until", request)
        var before: Int64?
        // The newest come first, so what is after a line in the list was before it in time.
        if let text = request.query("after") ?? request.query("before") {
            guard let number = Int64(text) else {
                throw Problem(400, detail: "The query's after takes a number that an answer gave as next.")
            }
            before = number
        }
        let found = try await audit.auditTrail(filter, before: before, limit: limit + 1)
        let page = found.prefix(limit)
        let next = found.count > limit ? page.last.map { "\($0.number)" } : nil
        let answer = try APIResponse.json(
            Documents(
                events: page.map {
                    Document(
                        id: $0.number,
                        at: RFC3339.text($0.event.at),
                        actor: $0.event.actor,
                        action: $0.event.action,
                        subject: $0.event.subject,
                        remote: $0.event.remote?.description,
                        detail: $0.event.detail
                    )
                },
                next: next
            )
        )
        return request.linked(answer, next: next)
    }

    private static func moment(_ name: String, _ request: APIRequest) throws(Problem) -> Timestamp? {
        guard let text = request.query(name) else { return nil }
        guard let date = try? Date(text, strategy: .iso8601) else {
            throw Problem(400, detail: "The query's \(name) takes a time such as 2026-11-25T00:00:00Z.")
        }
        return Timestamp(seconds: Int64(date.timeIntervalSince1970))
    }
}
