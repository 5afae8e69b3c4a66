import MailDelivery
import MailModel
import MailPolicy
import MailPorts
import SMTPWire

/// What is known at RCPT, for the policies of the domains on both sides.
struct RecipientQuestion: Sendable {
    var path: ForwardPath
    var sender: ReversePath
    /// What MAIL announced, 0 if nothing.
    var size: Int
    /// Recipients of the message so far.
    var count: Int
    var contentRules: ContentRules?
    /// Who submits; nil for mail from outside.
    var account: Account?
    /// Who writes, for lists.
    var poster: Poster
    var isEncrypted: Bool
    var now: Timestamp

    /// Asks the policies, and adds the places that copies go to.
    ///
    /// - Returns: what the recipient's domain rules of contents, where it is a domain here.
    /// - Throws: a refusal by a policy, or `RecipientRefusal` when a policy or the place of a copy cannot be had.
    func judge(
        _ expansion: inout RecipientExpansion,
        _ policies: PolicyGuard,
        _ resolver: RecipientResolver
    ) async throws -> ContentRules? {
        let isHere = !expansion.local.isEmpty || !expansion.lists.isEmpty
        guard case .address(let address) = path else { return nil }
        var copies: [EmailAddress] = []
        if let account {
            if let refusal = try await policies.refusal(to: address, after: count, by: account, now: now) {
                throw PolicyFault(refusal: refusal)
            }
            copies += try await policies.copies(of: .outgoing, domain: account.primaryAddress.domain)
        } else {
            let refusal = try await policies.refusal(
                from: sender,
                to: address.domain,
                size: size,
                isEncrypted: isEncrypted
            )
            if let refusal { throw PolicyFault(refusal: refusal) }
        }
        var rules: ContentRules?
        if isHere {
            let own = try await policies.contentRules(of: address.domain)
            // After the message there is one answer for all its recipients (RFC 5321 §4.2.5).
            guard contentRules == nil || contentRules == own else { throw PolicyFault(refusal: .otherRules) }
            rules = own
            copies += try await policies.copies(of: .incoming, domain: address.domain)
        }
        for copy in copies {
            // Nothing passes uncopied: when the copy cannot be had now, the message waits.
            guard let place = try? await resolver.expand(copy, mayRelay: false) else {
                throw RecipientRefusal.unavailable(reportID: "policy-copy")
            }
            expansion.add(place)
        }
        return rules
    }
}

extension RecipientRefusal {
    /// A policy that cannot be read.
    init(policy error: StoreError?) {
        switch error {
        case .unavailable(let id)?, .damaged(let id)?: self = .unavailable(reportID: id)
        case .notFound?, .alreadyExists?, .refused?, .overQuota?, .levelFull?, nil:
            self = .unavailable(reportID: "policy")
        }
    }
}

extension RecipientExpansion {
    /// Goes to those places too.
    fileprivate mutating func add(_ other: RecipientExpansion) {
        local += other.local.filter { place in !local.contains { $0.account == place.account } }
        remote += other.remote.filter { !remote.contains($0) }
    }
}
