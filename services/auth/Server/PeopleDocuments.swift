import HTTPKit
import MailModel
import MailPorts
import Telemetry

struct OrganisationDocument: Encodable {
    static let schema = Schema.document(
        "Organisation",
        [
            "id": .integer, "name": .text, "status": .choice(OrganisationRecord.Status.allCases.map(\.rawValue)),
            "reason": .optional(.text), "created_at": .time,
        ]
    )

    var id: Int64
    var name: String
    var status: String
    var reason: String?
    var createdAt: String

    init(_ record: OrganisationRecord) {
        id = record.id.rawValue
        name = record.name
        status = record.status.rawValue
        reason = record.reason
        createdAt = RFC3339.text(record.createdAt)
    }
}

struct PersonDocument: Encodable {
    static let schema = Schema.document(
        "Person",
        [
            "id": .integer, "organisation_id": .integer, "email": .text, "display_name": .text, "role": .text,
            "status": .choice(Account.Status.allCases.map(\.rawValue)), "reason": .optional(.text),
            "purge_at": .optional(.time), "quota_bytes": .optional(.integer), "used_bytes": .integer,
            "used_messages": .integer, "created_at": .time, "language": .optional(.text),
            "time_zone": .optional(.text), "avatar": .optional(.text), "has_password": .truth,
        ]
    )

    var id: Int64
    var organisationID: Int64
    var email: String
    var displayName: String
    var role: String
    var status: String
    var hasPassword: Bool
    var reason: String?
    /// When a deleted one is removed for good.
    var purgeAt: String?
    var quotaBytes: Int64?
    var usedBytes: Int64
    var usedMessages: Int64
    var createdAt: String
    var language: String?
    var timeZone: String?
    /// The path of the picture.
    var avatar: String?

    init(_ person: Person) {
        let account = person.account
        id = account.id.rawValue
        organisationID = account.organisation.rawValue
        email = account.primaryAddress.description
        displayName = account.displayName
        role = account.role.rawValue
        status = account.status.rawValue
        hasPassword = account.hasPassword
        reason = person.reason
        purgeAt = person.purgeAt.map(RFC3339.text)
        quotaBytes = account.quotaBytes
        usedBytes = account.usedBytes
        usedMessages = account.usedMessages
        createdAt = RFC3339.text(account.createdAt)
        language = person.language?.description
        timeZone = person.timeZone
        avatar = person.avatarPath
    }
}
