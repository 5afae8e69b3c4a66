package import MailModel
package import MailPorts

/// Who manages people, and from where.
package struct PeopleActor: Sendable {
    package var name: String
    package var role: Role
    /// nil: no account stands behind it.
    package var account: AccountID?
    /// nil: every organisation.
    package var organisation: OrganisationID?
    package var remote: IPAddress?

    package init(_ account: Account, remote: IPAddress?) {
        name = account.primaryAddress.canonical
        role = account.role
        self.account = account.id
        organisation = account.role == .platformAdmin ? nil : account.organisation
        self.remote = remote
    }

    private init(name: String) { (self.name, role) = (name, .platformAdmin) }

    /// The operator at the command line.
    package static let commandLine = PeopleActor(name: "cli")
    /// The platform itself.
    package static let system = PeopleActor(name: "system")

    /// Owners, administrators and operators.
    package var managesPeople: Bool { role != .member }

    package func sees(_ organisation: OrganisationID) -> Bool {
        self.organisation == nil || self.organisation == organisation
    }

    func event(_ action: String, _ subject: String, _ now: Timestamp) -> AuditEvent {
        AuditEvent(at: now, actor: name, action: action, subject: subject, remote: remote)
    }
}
