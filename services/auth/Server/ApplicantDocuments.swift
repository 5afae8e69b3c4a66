import HTTPKit
import MailModel
import MailPorts

/// An account that came of a registration or a sign-up.
struct MadeAccountDocument: Encodable {
    static let schema = Schema.object(["id": .integer, "email": .text, "organisation_id": .integer])
    var id: Int64
    var email: String
    var organisationID: Int64

    init(_ account: Account) {
        id = account.id.rawValue
        email = account.primaryAddress.description
        organisationID = account.organisation.rawValue
    }
}

/// Why something is refused, for the audit and for whom it concerns.
struct ReasonDocument: RequestDocument {
    static let members: Set<String> = ["reason"]
    var reason: String
}
