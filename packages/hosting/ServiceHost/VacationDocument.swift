package import HTTPKit
package import MailPorts
import Telemetry

/// What is answered for somebody who is away, as routes and commands show it.
package struct VacationDocument: Encodable, Sendable {
    package static let schema = Schema.document(
        "Vacation",
        [
            "is_enabled": .truth, "starts_at": .optional(.time), "ends_at": .optional(.time),
            "subject": .optional(.text),
            "text": .text, "interval_days": .integer, "audience": .choice(Vacation.Audience.allCases.map(\.rawValue)),
        ]
    )
    package let isEnabled: Bool
    package let startsAt: String?
    package let endsAt: String?
    package let subject: String?
    package let text: String
    package let intervalDays: Int
    package let audience: String

    package init(_ vacation: Vacation) {
        isEnabled = vacation.isEnabled
        startsAt = vacation.startsAt.map { RFC3339.text($0) }
        endsAt = vacation.endsAt.map { RFC3339.text($0) }
        subject = vacation.subject
        text = vacation.text
        intervalDays = vacation.intervalDays
        audience = vacation.audience.rawValue
    }
}
