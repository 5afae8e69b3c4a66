package import MailPorts

extension ZoneMember {
    package init(_ domain: HostedDomain) {
        let state: State =
            switch domain.status {
            case .active: .active
            case .suspended: .suspended
            case .deleted: .deleted
            }
        self.init(organisation: domain.organisation, domain: domain.name, state: state)
    }
}
