package import HTTPKit
import MailModel
package import MailPorts
import Telemetry

/// A grant to send with an address, as routes and commands show it.
package struct SendingGrantDocument: Encodable {
    package let id: Int64
    package let kind: String
    package let address: String
    package let grantee: String
    package let createdAt: String
    package let createdBy: String

    package init(_ grant: SendingGrant) {
        id = grant.id.rawValue
        kind = grant.kind.rawValue
        address = grant.address.description
        grantee = grant.granteeAddress.description
        createdAt = RFC3339.text(grant.createdAt)
        createdBy = grant.createdBy
    }
}

/// A masked address, as routes and commands show it.
package struct MaskedAddressDocument: Encodable {
    package static let schema = Schema.document(
        "MaskedAddress",
        [
            "address": .text, "label": .text, "site": .text, "is_enabled": .truth, "created_at": .time,
            "last_used_at": .optional(.time),
        ]
    )
    package let address: String
    package let label: String
    package let site: String
    package let isEnabled: Bool
    package let createdAt: String
    /// When mail last came, within the hour.
    package let lastUsedAt: String?

    package init(_ masked: MaskedAddress) {
        address = masked.address.description
        label = masked.label
        site = masked.site
        isEnabled = masked.isEnabled
        createdAt = RFC3339.text(masked.createdAt)
        lastUsedAt = masked.lastUsedAt.map { RFC3339.text($0) }
    }
}
