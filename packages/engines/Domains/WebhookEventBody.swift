import ByteParsing
import MailCrypto
import MailModel
import MailPorts

/// The JSON of events (RFC 8259); times are seconds since 1970.
enum WebhookEventBody {
    static let changeKind = "domain.dns_changed"
    static let testKind = "webhook.test"
    /// Records of a domain that an event names.
    private static let shownRecords = 100

    static func randomID() -> String { "evt_\(Hexadecimal.text(SecureRandom.bytes(16)))" }

    static func test(_ id: String, _ organisation: OrganisationID, _ now: Timestamp) -> String {
        "{\(head(id, testKind, organisation, now))}"
    }

    /// A domain's DNS is in another state: what it was, what it is, and which records are not as they should be.
    static func change(
        _ id: String,
        _ report: DomainReport,
        _ organisation: OrganisationID,
        before: DomainCheckRecord
    ) -> String {
        let records = report.records.filter { $0.status != .ok }.prefix(shownRecords).map { check in
            let members = [
                ("name", check.record.name), ("type", check.record.kind.rawValue),
                ("purpose", check.record.purpose.rawValue), ("status", check.status.rawValue),
                ("expected", check.record.value),
            ]
            return "{\(members.map { "\"\($0.0)\":\(JSONMembers.quoted($0.1))" }.joined(separator: ","))}"
        }
        return """
            {\(head(id, changeKind, organisation, report.checkedAt)),"domain":\(JSONMembers.quoted(report.domain)),\
            "before":{"status":\(JSONMembers.quoted(before.status)),"since":\(before.since.seconds)},\
            "now":{"status":\(JSONMembers.quoted(report.status.rawValue)),"since":\(report.checkedAt.seconds)},\
            "records":[\(records.joined(separator: ","))]}
            """
    }

    private static func head(_ id: String, _ kind: String, _ organisation: OrganisationID, _ at: Timestamp) -> String {
        """
        "id":\(JSONMembers.quoted(id)),"type":\(JSONMembers.quoted(kind)),"organisation_id":\(organisation),"at":\(at.seconds)
        """
    }
}
