/// What a table of an import or export has in its rows.
package enum BulkKind: String, CaseIterable, Sendable {
    case accounts, aliases, lists
    /// Exported only: their owners make them.
    case masked

    /// Every column that an export writes, in its order.
    package var columns: [BulkColumn] {
        switch self {
        case .accounts: [.address, .displayName, .quotaBytes, .state, .language, .timeZone]
        case .aliases: [.address, .targets]
        case .lists: [.address, .name, .posting, .maximumSize, .owners, .members, .senders]
        case .masked: [.address, .account, .state]
        }
    }

    /// Columns that an import takes besides; they are in no export.
    package var more: [BulkColumn] {
        switch self {
        case .accounts: [.contact]
        case .aliases, .lists, .masked: []
        }
    }
}

/// A column by the name that its header has.
package enum BulkColumn: String, CaseIterable, Sendable {
    case address
    case displayName = "display_name"
    /// Octets; an empty cell is no limit, and the platform's default for a new account.
    case quotaBytes = "quota_bytes"
    /// `active` or `suspended`; of masked addresses `enabled` or `disabled`.
    case state
    case language
    case timeZone = "time_zone"
    /// Where a new account's person is invited; an empty cell invites nobody.
    case contact
    case targets, name, posting
    case maximumSize = "maximum_size"
    case owners, members, senders
    case account
}

/// Bounds of imports and exports.
package struct BulkLimits: Sendable {
    /// Rows of one import, and of one answer of an export.
    package var rows = 1_000
    /// Octets of one import.
    package var octets = 1 << 20
    package var invitationSeconds: Int64 = 604_800
    /// Open invitations of an organisation, and those that it sends in a day.
    package var openInvitations = 200
    static let daySeconds = 86_400
    package var defaultQuota: Int64?
    /// Whether there is a time zone of that name; may read a file.
    package var isTimeZone: @Sendable (String) -> Bool = { _ in false }
    package init() {}
}
