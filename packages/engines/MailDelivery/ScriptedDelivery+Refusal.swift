import ByteParsing
import MailModel
import MailPorts
import MessageFormat

/// Messages that a script refuses (RFC 5429).
extension ScriptedDelivery {
    /// Lines of a refusal in the session, and octets of each.
    private static var refusalLines: Int { 10 }
    private static var refusalLine: Int { 400 }

    /// What the session says: RFC 5429 §2.1.1 wants it where no other recipient has taken the message, in ASCII.
    static func sessionText(
        _ refusal: (text: String, isExtended: Bool),
        _ copy: ScriptedCopies.Copy,
        _ message: IncomingMessage
    ) -> String? {
        guard message.recipients.count == 1, copy.plan == 0, let only = message.recipients.first?.expansion,
            only.local.count == 1, only.remote.isEmpty, only.lists.isEmpty
        else { return nil }
        let plain = "The recipient does not take this message"
        guard refusal.text.utf8.allSatisfy({ $0 < 128 }) else { return refusal.isExtended ? plain : nil }
        let lines = refusal.text.utf8.split { $0 == ASCII.lf || $0 == ASCII.cr }.prefix(refusalLines)
            .map { line in
                String(decoding: line.prefix(refusalLine).map { $0 < 32 || $0 == 127 ? 32 : $0 }, as: UTF8.self)
            }
        return lines.isEmpty ? plain : lines.joined(separator: "\n")
    }

    /// Tells the sender that it was not taken (RFC 5429 §2.2.1); the inbox has it where nobody can be told.
    func bounce(
        _ text: String,
        _ decision: inout ScriptDecision,
        _ copy: ScriptedCopies.Copy,
        _ note: String,
        _ copies: inout ScriptedCopies,
        _ message: IncomingMessage
    ) async throws(StoreError) {
        let plan = copies.plans[copy.plan]
        let octets = copies.bytes[copy.plan]
        guard case .address(let sender) = plan.sender else { return decision.keep() }
        let id = QueueID(time: plan.receivedAt, random: .random(in: 0 ... .max))
        let line = String(decoding: text.utf8.map { $0 < 32 || $0 == 127 ? 32 : $0 }, as: UTF8.self)
        let bytes = DSNBuilder(hostname: hostname).build(
            id: id,
            to: sender,
            about: DSNBuilder.Original(
                queueID: plan.queueID,
                arrivedAt: plan.receivedAt,
                header: Array(octets[..<HeaderBlock(octets).bodyStart].prefix(DSNBuilder.maximumHeader))
            ),
            failed: [
                FailedRecipient(
                    address: copy.recipient,
                    status: "5.7.1",
                    reply: line,
                    lastAttemptAt: plan.receivedAt
                )
            ],
            at: plan.receivedAt
        )
        let answer = try await mailer.plan(
            bytes,
            as: id,
            to: sender,
            from: copy.target.address.domain,
            "refusal \(note), of \(plan.queueID)",
            plan.receivedAt
        )
        guard let answer else { return decision.keep() }
        copies.plans.append(answer)
        copies.bytes.append([])
        copies.declined.insert(copy.target.account)
        copies.note(.refused, copy, "refused \(note)", message.facts.remote)
    }
}
