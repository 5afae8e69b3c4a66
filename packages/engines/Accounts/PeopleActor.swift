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

extension DomainPermissionStore {
    /// Passes those who manage accounts of the domain: by role, which says nothing of whose the domain is, or by a permission on it.
    func requireUsers(of domain: String, _ actor: PeopleActor) async throws(AccountError) {
        if actor.managesPeople { return }
        guard let member = actor.account else { throw PeopleService.notAllowed }
        let held: DomainPermissions
        do throws(StoreError) {
            held = try await domainPermissions(of: member, on: domain)
        } catch {
            throw .store(error)
        }
        guard held.contains(.users) else { throw PeopleService.notAllowed }
    }
}
