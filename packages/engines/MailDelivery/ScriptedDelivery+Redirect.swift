import MailModel
import MailPorts
import MessageFormat
import Metrics

/// Messages that a script sends on.
extension ScriptedDelivery {
    func redirect(
        _ decision: inout ScriptDecision,
        _ copy: ScriptedCopies.Copy,
        _ own: [EmailAddress],
        _ script: String,
        _ copies: inout ScriptedCopies,
        _ message: IncomingMessage
    ) async throws(StoreError) {
        for redirect in decision.redirects {
            if try await send(redirect, copy, own, script, &copies, message) {
                Counter(label: "oonrumail_sieve_redirects_total").increment()
                copies.note(.accepted, copy, "\(script) sent it on to \(redirect.address)", message.facts.remote)
            } else {
                copies.note(
                    .accepted,
                    copy,
                    "\(script) could not send it on to \(redirect.address), it is kept",
                    message.facts.remote
                )
                if decision.places.isEmpty { decision.keep() }
            }
        }
    }

    /// False: it goes in a circle, or nobody takes it there.
    private func send(
        _ redirect: ScriptDecision.Redirect,
        _ copy: ScriptedCopies.Copy,
        _ own: [EmailAddress],
        _ script: String,
        _ copies: inout ScriptedCopies,
        _ message: IncomingMessage
    ) async throws(StoreError) -> Bool {
        guard let address = EmailAddress(redirect.address), copy.chain.count < Self.longestChain,
            copies.plans.count < Self.maximumPlans
        else { return false }
        let octets = copies.bytes[copy.plan]
        // It was here before, and came back.
        let names = Set(own.map(\.canonical) + [copy.target.address.canonical])
        let passed = HeaderBlock(octets).values("delivered-to").map {
            EmailAddress.lowercased(String(decoding: $0, as: UTF8.self))
        }
        guard !passed.contains(where: { one in names.contains { EmailAddress.lowercased($0) == one } }) else {
            return false
        }
        let expansion: RecipientExpansion
        do throws(RecipientRefusal) {
            expansion = try await resolver.expand(address, mayRelay: true, size: octets.count)
        } catch .unavailable(let id) {
            throw .unavailable(reportID: id)
        } catch {
            return false
        }
        let chain = copy.chain + [copy.target.account]
        // RFC 5228 §4.2; and who may write to a list is decided for people, not for scripts.
        guard expansion.lists.isEmpty, !expansion.local.contains(where: { chain.contains($0.account) }) else {
            return false
        }
        let edited =
            Array("Delivered-To: \(copy.target.address)\r\n".utf8) + HeaderEditor.edit(octets, redirect.edits)
        let signed = try await signer.sign(edited, domain: copy.target.address.domain) + edited
        // Failures go to who sends it on, in whose name it leaves; to nobody where it came from nobody.
        let sender: ReversePath =
            copies.plans[copy.plan].sender == .null ? .null : .address(copy.target.address)
        let plan = copies.add(signed, like: copy.plan, from: sender)
        let way = "sent on by \(script) of \(copy.target.address)"
        for local in expansion.local where copies.reached.accounts.insert(local.account).inserted {
            let next = ScriptedCopies.Copy(plan: plan, target: local, recipient: address, way: way, chain: chain)
            if local.script != nil {
                copies.waiting.append(next)
            } else {
                put(next, ScriptDecision.inbox, "", &copies, message)
            }
        }
        for remote in expansion.remote where copies.reached.addresses.insert(remote).inserted {
            copies.plans[plan].remote.append(RemoteRecipient(address: remote))
            copies.note(.queued, copy, way, recipient: remote, in: plan, message.facts.remote)
        }
        return true
    }
}
