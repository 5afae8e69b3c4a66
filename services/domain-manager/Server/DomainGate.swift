import HTTPKit
import MailModel
package import MailPorts

/// Finds the domain of a path for those who may do something with it.
///
/// Invariants: platform administrators reach every domain, owners and administrators those of their organisation, members those that
/// they were given a permission on; a domain of another organisation does not exist, and a member without a permission learns
/// of none.
package struct DomainGate: Sendable {
    let directory: any DirectoryStore
    let permissions: any DomainPermissionStore

    package init(directory: any DirectoryStore, permissions: any DomainPermissionStore) {
        (self.directory, self.permissions) = (directory, permissions)
    }

    /// The domain of the path's `name`.
    ///
    /// - Parameter any: permissions of which one opens it to a member; none: it is closed to members.
    func domain(
        _ request: APIRequest,
        _ caller: Account,
        _ any: DomainPermissions
    ) async throws -> HostedDomain {
        let name = EmailAddress.lowercased(request.parameter("name"))
        try await requireMember(caller, on: name, any)
        guard EmailAddress.isDomain(name.utf8) else { throw Problem.notFound("There is no such domain.") }
        let domain = try await directory.domain(named: name)
        guard caller.role == .member else { return try AccessRule(caller: caller).require(domain) }
        // Permissions are within one organisation; whatever a store says, nobody leaves theirs by one.
        guard let domain, domain.organisation == caller.organisation else { throw Problem.forbidden() }
        return domain
    }

    /// Refuses a member who has none of these permissions on the domain; others are for `AccessRule`.
    func requireMember(_ caller: Account, on name: String, _ any: DomainPermissions) async throws {
        guard caller.role == .member else { return }
        guard !any.isEmpty, EmailAddress.isDomain(name.utf8),
            !(try await permissions.domainPermissions(of: caller.id, on: name)).isDisjoint(with: any)
        else { throw Problem.forbidden() }
    }
}
