package import Addresses
import MailPorts

/// What became of one row of an import, as routes and commands show it.
package struct BulkRowDocument: Encodable {
    package let line: Int
    package let address: String
    /// `created`, `changed`, `unchanged`, `refused`.
    package let outcome: String
    package let column: String?
    package let reason: String?
    /// Whether the mail of an invitation left; only for new accounts with a contact.
    package let invited: Bool?

    package init(_ row: BulkReport.Line) {
        (line, address, invited) = (row.line, row.address, row.isInvited)
        switch row.outcome {
        case .created: (outcome, column, reason) = ("created", nil, nil)
        case .changed: (outcome, column, reason) = ("changed", nil, nil)
        case .unchanged: (outcome, column, reason) = ("unchanged", nil, nil)
        case .refused(let place, let why): (outcome, column, reason) = ("refused", place, why)
        }
    }
}
