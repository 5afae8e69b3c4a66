package import MailPorts

/// Who may act as other people.
package enum ActingPolicy: Hashable, Sendable {
    case off
    /// Operators of the platform.
    case operators
    /// Those, and owners and administrators within their organisation.
    case administrators

    /// Whether an account may act as another, as both stand now: never as itself, never above its role, and neither suspended.
    package func allows(_ actor: Account, as account: Account) -> Bool {
        guard actor.status == .active, account.status == .active, actor.id != account.id,
            account.role.rank <= actor.role.rank
        else { return false }
        return switch (self, actor.role) {
        case (.off, _): false
        case (.operators, .platformAdmin), (.administrators, .platformAdmin): true
        case (.operators, .owner), (.operators, .admin), (_, .member): false
        case (.administrators, .owner), (.administrators, .admin): actor.organisation == account.organisation
        }
    }
}
