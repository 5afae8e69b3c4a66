package import MailModel
package import MailPorts

/// What the domain of a message's submitter wants of the connections that carry its mail.
package struct TLSDemand: Sendable {
    /// What the account wants of mail to that domain; nil: nothing beyond what the route has.
    private let ask: @Sendable (AccountID, String) async throws(StoreError) -> RemotePolicy.TLS?

    package init(_ ask: @escaping @Sendable (AccountID, String) async throws(StoreError) -> RemotePolicy.TLS?) {
        self.ask = ask
    }

    package static let none = TLSDemand { _, _ in nil }

    /// Makes the route as strict as it must be; what cannot be asked is not sent.
    func tighten(_ route: inout Route, for lease: QueueLease) async throws(RouteFailure) {
        guard lease.submitter != .system else { return }
        let wanted: RemotePolicy.TLS?
        do throws(StoreError) {
            wanted = try await ask(lease.submitter, lease.domain)
        } catch {
            throw .transient(reply: "451 4.3.0 The policy of the sender's domain cannot be read")
        }
        switch (wanted, route.policy.tls) {
        case (.verified?, .opportunistic), (.verified?, .encrypted), (.verified?, .none): route.policy.tls = .verified
        case (.encrypted?, .opportunistic), (.encrypted?, .none): route.policy.tls = .encrypted
        case (_, .verified), (_, .implicit), (.encrypted?, .encrypted), (nil, _), (.opportunistic?, _), (.implicit?, _),
            (Optional.some(.none), _):
            ()
        }
    }
}
