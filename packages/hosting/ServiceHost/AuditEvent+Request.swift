package import HTTPKit
package import MailModel
package import MailPorts

extension AuditEvent {
    /// What an account does by a request.
    package init(_ action: String, _ subject: String, by caller: Account, _ request: APIRequest, at now: Timestamp) {
        self.init(
            at: now,
            actor: caller.primaryAddress.canonical,
            action: action,
            subject: subject,
            remote: request.remote
        )
    }
}
