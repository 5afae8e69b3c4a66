import HTTPKit
import MailModel
import MailPorts

/// Who may do what by role: platform administrators everything; owners and administrators within their organisation; members
/// nothing but what `DomainGate` opens to them.
struct AccessRule {
    let caller: Account

    /// nil: every organisation.
    var visibleOrganisation: OrganisationID? { caller.role == .platformAdmin ? nil : caller.organisation }

    func requireManager() throws(Problem) {
        guard caller.role != .member else { throw .forbidden() }
    }

    /// A domain of another organisation does not exist for those who may not see it; members go by `DomainGate`.
    func require(_ domain: HostedDomain?) throws(Problem) -> HostedDomain {
        try requireManager()
        guard let domain, caller.role == .platformAdmin || domain.organisation == caller.organisation else {
            throw .notFound("There is no such domain.")
        }
        return domain
    }

    /// Nobody gives a role above their own.
    func requireMayGive(_ role: Role) throws(Problem) {
        guard role.rank <= caller.role.rank else {
            throw .forbidden("You may not give the role \(role.rawValue).")
        }
    }
}
