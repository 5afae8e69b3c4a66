package import HTTPKit
package import MailModel
package import MailPorts

/// A quota as a client reads it.
package struct QuotaDocument: Encodable, Sendable {
    package let level: String
    package let name: String
    /// Left out: no limit.
    package let hardBytes: Int64?
    package let softBytes: Int64?
    package let hardMessages: Int64?
    package let softMessages: Int64?
    package let usedBytes: Int64
    package let usedMessages: Int64
    /// Accounts whose mail is counted.
    package let accounts: Int
    /// Steps that have been told: `80`, `90`, `95`, `soft`.
    package let warned: [String]

    package static let schema = Schema.document(
        "Quota",
        [
            "level": .text, "name": .text, "hard_bytes": .optional(.integer), "soft_bytes": .optional(.integer),
            "hard_messages": .optional(.integer), "soft_messages": .optional(.integer), "used_bytes": .integer,
            "used_messages": .integer, "accounts": .integer, "warned": .list(.text),
        ]
    )

    package init(_ standing: QuotaStanding) {
        level = standing.subject.level.rawValue
        name = standing.name
        hardBytes = standing.limits.hardBytes
        softBytes = standing.limits.softBytes
        hardMessages = standing.limits.hardMessages
        softMessages = standing.limits.softMessages
        usedBytes = standing.usedBytes
        usedMessages = standing.usedMessages
        accounts = standing.accounts
        warned = standing.told.names
    }
}

/// Every limit of a level, as a client writes it.
package struct QuotaLimitsDocument: RequestDocument {
    package static let members: Set<String> = ["hard_bytes", "soft_bytes", "hard_messages", "soft_messages"]
    package static let types: [String: Schema] = .init(
        uniqueKeysWithValues: members.map { ($0, .nullable(.integer)) }
    )
    private var hardBytes: Int64?
    private var softBytes: Int64?
    private var hardMessages: Int64?
    private var softMessages: Int64?

    private enum CodingKeys: String, CodingKey {
        case hardBytes = "hard_bytes"
        case softBytes = "soft_bytes"
        case hardMessages = "hard_messages"
        case softMessages = "soft_messages"
    }

    /// - Throws: 422 with a pointer for limits that cannot be.
    package func limits() throws(Problem) -> QuotaLimits {
        let limits = QuotaLimits(
            hardBytes: hardBytes,
            softBytes: softBytes,
            hardMessages: hardMessages,
            softMessages: softMessages
        )
        if let fault = limits.fault { throw .invalid(fault.member, fault.why) }
        return limits
    }
}
