package import MailPorts
import Synchronization

/// Keeps what is delivered, or fails always alike.
package final class RecordingDeliveries: DeliveryStore {
    private let kept = Mutex<[DeliveryPlan]>([])
    package var plans: [DeliveryPlan] { kept.withLock { $0 } }
    private let failure: StoreError?

    package init(failure: StoreError? = nil) { self.failure = failure }

    package func deliver(_ plan: DeliveryPlan) async throws(StoreError) -> DeliveryReceipt {
        if let failure { throw failure }
        kept.withLock { $0.append(plan) }
        return DeliveryReceipt(copies: [])
    }

    package func deliver(all plans: [DeliveryPlan]) async throws(StoreError) {
        if let failure { throw failure }
        kept.withLock { $0 += plans }
    }
}
