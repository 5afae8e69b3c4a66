/// An administrator who acts as somebody else while one request is answered.
package struct ActingParty: Hashable, Sendable {
    /// Who acts, by the address that audit lines name them by.
    package var actor: String
    /// As whom.
    package var account: String
    package init(actor: String, account: String) { (self.actor, self.account) = (actor, account) }

    /// Of the request that the running task answers; nil: people act for themselves.
    ///
    /// The guard of a route sets it, so that no line of the audit trail depends on a route that thinks of it.
    @TaskLocal package static var current: ActingParty?
}
