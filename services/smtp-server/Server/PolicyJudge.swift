import MailDelivery
import MailModel
import MailPolicy
import MailPorts

/// Policies of domains as the intake asks for them.
struct PolicyJudge: MessageJudging {
    let policies: PolicyGuard

    func refusal(
        ofIncoming message: [UInt8],
        to domains: Set<String>
    ) async throws(StoreError) -> PolicyRefusal? {
        for domain in domains.sorted() {
            if let refusal = try await policies.refusal(ofIncoming: message, to: domain) { return refusal }
        }
        return nil
    }

    func outgoing(_ message: [UInt8], by account: Account) async throws(StoreError) -> Result<[UInt8], PolicyFault> {
        try await policies.outgoing(message, from: account.primaryAddress.domain)
            .mapError { PolicyFault(refusal: $0.refusal) }
    }
}
