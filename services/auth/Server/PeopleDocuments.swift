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

// MARK: - Queries of lists

extension OrganisationListing {
    /// - Throws: 400 that names what the query takes.
    init(_ query: ListQuery) throws(Problem) {
        self.init(limit: query.limit + 1)
        sort = Sort(rawValue: query.sort) ?? .name
        isDescending = query.isDescending
        status = try query.choice("status")
        after = try query.place(isNumber: sort == .createdAt)
    }

    func cursor(of record: OrganisationRecord) -> String {
        switch sort {
        case .name: ListQuery.cursor(record.name, record.id.rawValue)
        case .createdAt: ListQuery.cursor("\(record.createdAt.microseconds)", record.id.rawValue)
        }
    }
}

extension PeopleListing {
    /// - Throws: 400 that names what the query takes.
    init(_ query: ListQuery, organisation: OrganisationID) throws(Problem) {
        self.init(organisation: organisation, limit: query.limit + 1)
        sort = AccountListing.Sort(rawValue: query.sort) ?? .email
        isDescending = query.isDescending
        role = try query.choice("role")
        status = try query.choice("status")
        domain = try query.text("domain").map { EmailAddress.lowercased($0) }
        text = try query.text("text")
        after = try query.place(isNumber: sort == .createdAt)
    }

    func cursor(of person: Person) -> String {
        let account = person.account
        return switch sort {
        case .email: ListQuery.cursor(account.primaryAddress.canonical, account.id.rawValue)
        case .createdAt: ListQuery.cursor("\(account.createdAt.microseconds)", account.id.rawValue)
        }
    }
}

extension ListQuery {
    fileprivate static func cursor(_ key: String, _ tie: Int64) -> String {
        cursor([Array(key.utf8), Array("\(tie)".utf8)])
    }

    fileprivate func place(isNumber: Bool) throws(Problem) -> ListPosition? {
        guard let after else { return nil }
        let parts = try Self.position(after).map { String(decoding: $0, as: UTF8.self) }
        guard let tie = Int64(parts[1]), !parts[0].utf8.contains(0) else { throw .badPosition }
        guard isNumber else { return ListPosition(key: .text(parts[0]), tie: tie) }
        guard let number = Int64(parts[0]) else { throw .badPosition }
        return ListPosition(key: .number(number), tie: tie)
    }

    /// A filter that takes one of the type's words.
    fileprivate func choice<Word: RawRepresentable & CaseIterable>(
        _ name: String
    ) throws(Problem) -> Word? where Word.RawValue == String {
        guard let text = filters[name] else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(.badRequest, detail: "The query's \(name) takes \(words).")
        }
        return word
    }

    /// A filter that takes text; the database of a cluster knows no NUL.
    fileprivate func text(_ name: String) throws(Problem) -> String? {
        guard let text = filters[name] else { return nil }
        guard !text.utf8.contains(0) else {
            throw Problem(.badRequest, detail: "The query's \(name) takes no control characters.")
        }
        return text
    }
}
