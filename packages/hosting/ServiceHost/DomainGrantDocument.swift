package import HTTPKit
import MailModel
package import MailPorts
import Telemetry

/// What one account may do with one domain, as routes and commands show it.
package struct DomainGrantDocument: Encodable, Sendable {
    package static let schema = Schema.document(
        "DomainPermissions",
        [
            "domain": .text, "account_id": .integer, "email": .text,
            "permissions": .list(.choice(DomainPermissions.words.map(\.word))), "granted_at": .time,
            "granted_by": .text,
        ]
    )
    package let domain: String
    package let accountID: Int64
    package let email: String
    package let permissions: [String]
    package let grantedAt: String
    package let grantedBy: String

    package init(_ grant: DomainGrant) {
        domain = grant.domain
        accountID = grant.account.rawValue
        email = grant.address.description
        permissions = grant.permissions.words
        grantedAt = RFC3339.text(grant.grantedAt)
        grantedBy = grant.grantedBy
    }
}
