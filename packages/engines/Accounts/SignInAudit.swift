import MailModel
import MailPorts
import Synchronization

/// Writes sign-ins and refusals into the audit trail.
///
/// Every refusal and every sign-in over HTTP is one event; sign-ins of one mail client (same account, credential, protocol
/// and address) count as one for a while, because clients come back every few minutes with many connections.
final class SignInAudit: Sendable {
    private struct Visit: Hashable {
        var account: AccountID
        var credential: SignInCredential
        var service: String
        var remote: IPAddress?
    }

    private let store: any DirectoryStore
    private let interval: Int64
    private let capacity = 10_000
    private let visits = Mutex<[Visit: Timestamp]>([:])

    init(_ store: any DirectoryStore, intervalSeconds: Int64) {
        self.store = store
        interval = intervalSeconds
    }

    func signedIn(_ signIn: SignIn, _ service: String, _ remote: IPAddress?, _ now: Timestamp) async {
        guard SignInScope(rawValue: service) == nil || isNew(signIn, service, remote, now) else { return }
        let by =
            switch signIn.credential {
            case .password: "password"
            case .appPassword(let id): "app password \(id)"
            case .session: "token"
            }
        let address = signIn.account.primaryAddress.canonical
        await write("sign_in", address, address, "{\"service\":\"\(service)\",\"by\":\"\(by)\"}", remote, now)
    }

    /// `why` is one of the authenticator's own words.
    func refused(
        _ address: EmailAddress?,
        _ why: String,
        _ service: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async {
        let detail = "{\"service\":\"\(service)\",\"why\":\"\(why)\"}"
        // Nobody is known to have done it: whoever knows the address may have.
        await write("sign_in.refused", "-", address?.canonical ?? "-", detail, remote, now)
    }

    private func isNew(_ signIn: SignIn, _ service: String, _ remote: IPAddress?, _ now: Timestamp) -> Bool {
        let visit = Visit(
            account: signIn.account.id,
            credential: signIn.credential,
            service: service,
            remote: remote
        )
        let interval = interval
        let capacity = capacity
        return visits.withLock { visits in
            if let last = visits[visit], last.adding(seconds: interval) > now { return false }
            if visits.count >= capacity { visits = visits.filter { $0.value.adding(seconds: interval) > now } }
            if visits.count >= capacity { visits.removeAll(keepingCapacity: true) }
            visits[visit] = now
            return true
        }
    }

    /// A trail that cannot be written keeps nobody out; the log has what it lacks.
    private func write(
        _ action: String,
        _ actor: String,
        _ subject: String,
        _ detail: String,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async {
        await store.noteAudit(
            AuditEvent(at: now, actor: actor, action: action, subject: subject, remote: remote, detail: detail)
        )
    }
}
