import HTTPKit
import MailModel
import MailPorts

/// An account that came of a registration or a sign-up.
struct MadeAccountDocument: Encodable {
    static let schema = Schema.object([
        "id": .integer, "email": .text, "organisation_id": .integer, "recovery_codes": .optional(.list(.text)),
    ])
    var id: Int64
    var email: String
    var organisationID: Int64
    /// Only in this answer, with a passkey.
    var recoveryCodes: [String]?

    init(_ account: Account, recoveryCodes: [String] = []) {
        id = account.id.rawValue
        email = account.primaryAddress.description
        organisationID = account.organisation.rawValue
        self.recoveryCodes = recoveryCodes.isEmpty ? nil : recoveryCodes
    }
}

/// A registration or a sign-up that somebody decides on.
struct WaitingDocument: Encodable {
    static let schema = Schema.object(["status": .text, "recovery_codes": .optional(.list(.text))])
    var status = "waiting"
    /// Only in this answer, with a passkey.
    var recoveryCodes: [String]?

    init(recoveryCodes: [String]) { self.recoveryCodes = recoveryCodes.isEmpty ? nil : recoveryCodes }
}

/// Why something is refused, for the audit and for whom it concerns.
struct ReasonDocument: RequestDocument {
    static let members: Set<String> = ["reason"]
    var reason: String
}
