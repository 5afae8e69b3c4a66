import MailModel
import MailPorts
import MessageFormat
import NIOCore

/// Messages to lists: one plan for each list, with bytes, envelope sender and queue id of its own.
extension MessageIntake {
    func listPlans(
        _ message: IncomingMessage,
        _ bytes: [UInt8],
        _ reached: inout Reached
    ) async throws(DeliveryRefusal) -> [DeliveryPlan] {
        var plans: [DeliveryPlan] = []
        var seen: Set<EmailAddress> = []
        for recipient in message.recipients {
            for list in recipient.expansion.lists where seen.insert(list.list.address).inserted {
                let copy = try await listCopy.make(
                    of: bytes,
                    for: list.list,
                    isSubmitted: message.submitter != nil
                )
                plans.append(plan(message, list, recipient.address, copy, plans.count + 1, &reached))
            }
        }
        return plans
    }

    private func plan(
        _ message: IncomingMessage,
        _ expansion: RecipientExpansion.List,
        _ recipient: EmailAddress,
        _ bytes: [UInt8],
        _ index: Int,
        _ reached: inout Reached
    ) -> DeliveryPlan {
        let list = expansion.list
        let id = QueueID(time: message.receivedAt, random: .random(in: 0 ... .max))
        let sender = ReversePath.address(list.bounceAddress)
        let summary = MessageSummary(parsing: bytes)
        let event = { (kind: TraceEvent.Kind, recipient: EmailAddress, detail: String) in
            TraceEvent(
                at: message.receivedAt,
                kind: kind,
                queueID: id,
                messageID: summary.messageID,
                sender: sender.description,
                recipient: recipient.description,
                remote: message.facts.remote,
                detail: detail
            )
        }
        let way = "by way of \(recipient)" + (recipient == list.address ? "" : " to \(list.address)")
        var copies: [LocalCopy] = []
        var remote: [RemoteRecipient] = []
        var trace = [
            event(
                .accepted,
                recipient,
                "\(bytes.count) octets for the list, from <\(message.sender)> as \(message.queueID)"
            )
        ]
        for member in expansion.members where reached.accounts.insert(member.local.account).inserted {
            let copy = Self.copy(for: member.local, sender: sender)
            // One full mailbox keeps the message from nobody else.
            if let room = member.room, bytes.count + copy.prefix.count > room {
                trace.append(event(.refused, member.local.address, "mailbox full, \(way)"))
                continue
            }
            if isScripted(member.local, index, member.local.address, way, &reached) { continue }
            copies.append(copy)
            trace.append(event(.delivered, member.local.address, way))
        }
        for address in expansion.remote where reached.addresses.insert(address).inserted {
            remote.append(RemoteRecipient(address: address))
            trace.append(event(.queued, address, way))
        }
        return DeliveryPlan(
            queueID: id,
            receivedAt: message.receivedAt,
            submitter: .system,
            sender: sender,
            bytes: .memory(ByteBuffer(bytes: bytes)),
            summary: summary,
            localCopies: copies,
            remote: remote,
            expiresAt: message.receivedAt.adding(seconds: limits.expirySeconds),
            needsSMTPUTF8: bytes[..<HeaderBlock(bytes).bodyStart].contains { $0 >= 128 },
            is8Bit: bytes.contains { $0 >= 128 },
            trace: trace
        )
    }

    /// A message that went to lists alone needs no plan of its own, but for its trace.
    static func joined(_ plan: DeliveryPlan, _ copies: [DeliveryPlan]) -> [DeliveryPlan] {
        guard plan.localCopies.isEmpty, plan.remote.isEmpty else { return [plan] + copies }
        var copies = copies
        copies[0].trace = plan.trace + copies[0].trace
        return copies
    }
}
