package import Domains
import MailPorts

/// What writing a domain's records would change, as routes and commands show it.
package struct ZonePlanDocument: Encodable, Sendable {
    package struct Step: Encodable, Sendable {
        package let id: String
        package let action: String
        package let name: String
        package let type: String
        package let purpose: String
        package let before: [String]
        package let after: String?
        package let reason: String
    }

    /// To be given when it is written: what was shown is written, or nothing.
    package let plan: String
    package let zone: String
    package let changes: Int
    package let steps: [Step]

    package init(_ plan: ZonePlan) {
        self.plan = plan.id
        zone = plan.zone
        changes = plan.change.removals.count + plan.change.additions.count
        steps = plan.steps.map {
            Step(
                id: $0.id,
                action: $0.action.rawValue,
                name: $0.name,
                type: $0.kind.rawValue,
                purpose: $0.purpose,
                before: $0.before,
                after: $0.after,
                reason: $0.reason
            )
        }
    }
}
