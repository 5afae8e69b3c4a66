/// Bounds of registrations on domains.
package struct RegistrationLimits: Sendable {
    /// How long the contact can be proved.
    package var lifetimeSeconds: Int64 = 86_400
    /// How long a proved one waits for a decision.
    package var decisionSeconds: Int64 = 2_592_000
    /// Mails to one contact within the lifetime.
    package var mails = 3
    /// Requests, and tokens tried, from one client address in an hour.
    package var requests = 20
    /// Mails in a day that tell a domain's managers of registrations that wait.
    package var managerMails = 10
    /// Managers that one of them goes to.
    package static let managersTold = 10
    /// Registrations of one domain that are kept at once.
    package var perDomain = 200
    /// Octets of a local part that is registered.
    package static let longestName = 64
    package init() {}
}
