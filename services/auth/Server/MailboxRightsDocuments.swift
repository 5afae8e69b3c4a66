import HTTPKit
import MailModel
import MailPorts
import MailboxEngine
import ServiceHost
import Telemetry

struct SharedMailboxDocument: Encodable {
    var accountID: Int64
    var owner: String
    var isSharedAccount: Bool
    var mailboxID: Int64
    var mailbox: String
    /// As IMAP has it.
    var name: String
    var rights: String

    init(_ shared: SharedMailbox) {
        accountID = shared.owner.rawValue
        owner = shared.ownerAddress.description
        isSharedAccount = shared.isTeam
        mailboxID = shared.record.id.rawValue
        mailbox = shared.record.name
        name = SharedName(shared).text
        rights = shared.rights.description
    }

    private enum CodingKeys: String, CodingKey {
        case owner, isSharedAccount, mailbox, name, rights
        case accountID = "accountId"
        case mailboxID = "mailboxId"
    }

    static let schema = Schema.document(
        "SharedMailbox",
        [
            "account_id": .integer, "owner": .text, "is_shared_account": .truth, "mailbox_id": .integer,
            "mailbox": .text, "name": .text, "rights": .text,
        ]
    )
}

struct SharedMailboxes: Encodable {
    var mailboxes: [SharedMailboxDocument]
    var next: String?
}

struct MailboxDocument: Encodable {
    var id: Int64
    var name: String

    init(_ record: MailboxRecord) { (id, name) = (record.id.rawValue, record.name) }

    static let schema = Schema.document("MailboxName", ["id": .integer, "name": .text])
}

struct Mailboxes: Encodable {
    var mailboxes: [MailboxDocument]
    var next: String?
}

struct RightsDocument: Encodable {
    var identifier: String
    var rights: String
    var isOwner: Bool

    init(_ grant: MailboxGrant, in target: MailboxSharing.Target) {
        identifier = grant.name
        rights = grant.rights.description
        isOwner = grant.identifier == .account(target.owner.id)
    }

    static let schema = Schema.document(
        "MailboxRights",
        ["identifier": .text, "rights": .text, "is_owner": .truth]
    )
}

struct RightsPage: Encodable {
    var rights: [RightsDocument]
    var next: String?
}

struct TeamDocument: Encodable {
    var id: Int64
    var email: String
    var displayName: String
    var status: String
    var createdAt: String

    init(_ team: TeamAccount) {
        id = team.account.rawValue
        email = team.address.description
        displayName = team.displayName
        status = team.status.rawValue
        createdAt = RFC3339.text(team.createdAt)
    }

    init(_ account: Account) {
        id = account.id.rawValue
        email = account.primaryAddress.description
        displayName = account.displayName
        status = account.status.rawValue
        createdAt = RFC3339.text(account.createdAt)
    }

    static let schema = Schema.document(
        "SharedAccount",
        ["id": .integer, "email": .text, "display_name": .text, "status": .text, "created_at": .time]
    )
}

extension MailboxRightsRoutes {
    private static let paging = ["limit", "after", "sort", "text"]

    static func describe(_ set: inout RouteSet) {
        describeRights(&set)
        set.describe(
            "GET",
            own,
            RouteDescription(
                "Mailboxes that others share with one, under the names that IMAP has for them",
                query: paging + ["owner", "is_shared_account"],
                answers: [200: "A page"],
                types: ["sort": .sort("name", "owner"), "is_shared_account": .truth],
                schemas: [200: .page("mailboxes", of: SharedMailboxDocument.schema)]
            )
        )
        set.describe(
            "GET",
            teams,
            RouteDescription(
                "Accounts of the organisation that nobody signs in to",
                query: paging + ["status", "organisation_id"],
                answers: [200: "A page"],
                types: ["sort": .sort(TeamListing.Sort.self), "status": .words(Account.Status.self)],
                schemas: [200: .page("shared_accounts", of: TeamDocument.schema)]
            )
        )
        set.describe(
            "POST",
            teams,
            RouteDescription(
                "Make an account that nobody signs in to and others work in",
                body: ["email", "display_name"],
                answers: [201: "The account", 409: "The address is taken", 422: "Not of a domain of the organisation"],
                required: ["email"],
                schemas: [201: TeamDocument.schema]
            )
        )
    }

    private static func describeRights(_ set: inout RouteSet) {
        set.describe(
            "GET",
            mailboxes,
            RouteDescription(
                "Mailboxes of an account whose rights the caller may change",
                query: paging,
                answers: [200: "A page", 404: "None of them"],
                types: ["sort": .sort("name")],
                schemas: [200: .page("mailboxes", of: MailboxDocument.schema)]
            )
        )
        set.describe(
            "GET",
            rights,
            RouteDescription(
                "Who has which rights in a mailbox",
                query: paging,
                answers: [200: "A page", 404: "There is no such mailbox"],
                types: ["sort": .sort("identifier")],
                schemas: [200: .page("rights", of: RightsDocument.schema)]
            )
        )
        set.describe(
            "GET",
            one,
            RouteDescription(
                "The rights of an address, or of anyone, in a mailbox",
                answers: [200: "The rights", 404: "It has none"],
                schemas: [200: RightsDocument.schema]
            )
        )
        set.describe(
            "PUT",
            one,
            RouteDescription(
                "Give an address of the organisation, or anyone of it, rights in a mailbox, in place of those it had",
                body: ["rights"],
                answers: [200: "The rights", 404: "No such mailbox, or nobody of the organisation", 422: "No rights"],
                types: ["rights": .boundedText(1...50)],
                required: ["rights"],
                schemas: [200: RightsDocument.schema]
            )
        )
        set.describe(
            "DELETE",
            one,
            RouteDescription(
                "Take every right of an address, or of anyone",
                answers: [204: "It has none", 404: "It had none"]
            )
        )
    }
}
