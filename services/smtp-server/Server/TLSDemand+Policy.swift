import MailModel
import MailPolicy
import MailPorts
import MailQueue

extension TLSDemand {
    /// As the policies of the senders' domains have it.
    init(_ policies: PolicyGuard, _ directory: any DirectoryStore) {
        self.init { (account: AccountID, domain: String) async throws(StoreError) -> RemotePolicy.TLS? in
            guard let sender = try await directory.account(account) else { return nil }
            switch try await policies.tls(from: sender.primaryAddress.domain, to: domain) {
            case .any: return nil
            case .encrypted: return .encrypted
            case .verified: return .verified
            }
        }
    }
}
