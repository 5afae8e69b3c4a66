package import HTTPKit
import MailModel
package import MailPorts
import Telemetry

/// A registration on a domain that waits, as routes and commands show it.
package struct RegistrationDocument: Encodable {
    package static let schema = Schema.document(
        "Registration",
        [
            "id": .integer, "email": .text, "contact": .text, "display_name": .text, "created_at": .time,
            "expires_at": .time, "remote": .optional(.text),
        ]
    )
    package let id: Int64
    package let email: String
    package let contact: String
    package let displayName: String
    package let createdAt: String
    package let expiresAt: String
    package let remote: String?

    package init(_ known: Registration) {
        id = known.id.rawValue
        email = known.address.description
        contact = known.contact.description
        displayName = known.displayName
        createdAt = RFC3339.text(known.createdAt)
        expiresAt = RFC3339.text(known.expiresAt)
        remote = known.remote?.description
    }
}

/// A sign-up of an organisation that waits, as routes and commands show it.
package struct SignUpDocument: Encodable {
    package static let schema = Schema.document(
        "SignUp",
        [
            "id": .integer, "organisation": .text, "email": .text, "display_name": .text, "created_at": .time,
            "expires_at": .time, "remote": .optional(.text),
        ]
    )
    package let id: Int64
    package let organisation: String
    package let email: String
    package let displayName: String
    package let createdAt: String
    package let expiresAt: String
    package let remote: String?

    package init(_ known: SignUp) {
        id = known.id.rawValue
        organisation = known.organisation
        email = known.email.description
        displayName = known.displayName
        createdAt = RFC3339.text(known.createdAt)
        expiresAt = RFC3339.text(known.expiresAt)
        remote = known.remote?.description
    }
}
