import OpenIDProvider
import PlatformConfig

extension KnownMailClients {
    /// - Throws: `ConfigurationError` when a program should go that is not there.
    init(_ changes: [MailClientChange]) throws {
        let made = Self.standard(
            with: changes.map { change in
                switch change {
                case .add(let name, let address): .add(name: name, address: address)
                case .remove(let name): .remove(name: name)
                }
            }
        )
        guard let known = made.known else {
            let (name, wrong) = (MailClientChange.setting, made.unknown ?? "")
            let programs = KnownMailClient.all.filter { $0.answers != .loopback }.map(\.name) + [Self.loopback]
            throw ConfigurationError(
                problems: [
                    "\(name): there is no \"\(wrong)\" to take away; there are \(programs.joined(separator: ", "))"
                ]
            )
        }
        self = known
    }
}
