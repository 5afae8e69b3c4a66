import Database
import MailModel
package import MailPorts

extension SQLStore: DeliveryStore {
    package func deliver(_ plan: DeliveryPlan) async throws(StoreError) -> DeliveryReceipt {
        let stored = try await prepare(plan.bytes)
        let receipt = try await database.write { connection throws(StoreError) in
            try Self.deliver(plan, stored, connection)
        }
        publish(receipt, hasQueueWork: !plan.remote.isEmpty)
        return receipt
    }

    func publish(_ receipt: DeliveryReceipt, hasQueueWork: Bool) {
        feed.publish(receipt.copies.map { Change(account: $0.account, mailbox: $0.mailbox, modSeq: $0.modSeq) })
        if hasQueueWork { feed.publishQueueWork() }
    }

    static func deliver(_ plan: DeliveryPlan, _ stored: StoredBytes, _ connection: any SQLConnection) throws(StoreError) -> DeliveryReceipt {
        var receipt = DeliveryReceipt(copies: [])
        for copy in plan.localCopies {
            let mailbox = try mailbox(for: copy.mailbox, of: copy.account, connection)
            let writer = EmailWriter(connection: connection, account: copy.account, now: plan.receivedAt)
            var summary = plan.summary
            summary.headerSize += copy.prefix.count
            let made = try writer.insert(
                summary, stored,
                EmailWriter.Entry(
                    mailbox: mailbox, flags: copy.flags, keywords: copy.keywords, internalDate: plan.receivedAt, prefix: copy.prefix
                )
            )
            receipt.copies.append(.init(account: copy.account, mailbox: mailbox, uid: made.uid, modSeq: made.modSeq))
        }
        if !plan.remote.isEmpty { try enqueue(plan, stored, connection) }
        try insert(plan.trace, connection)
        return receipt
    }

    private static func mailbox(
        for target: MailboxTarget, of account: AccountID, _ connection: any SQLConnection
    ) throws(StoreError) -> MailboxID {
        guard case .specialUse(let use) = target else { return inbox }
        let found = try connection.first(
            "SELECT mailbox_id FROM mailboxes WHERE account_id = $1 AND special_use = $2", [.integer(account.rawValue), .text(use.rawValue)]
        ) { row throws(StoreError) in MailboxID(row.integer(0)) }
        if let found { return found }
        let name = String(use.attribute.dropFirst())
        let sameName = try connection.first(
            "SELECT mailbox_id FROM mailboxes WHERE account_id = $1 AND name = $2", [.integer(account.rawValue), .text(name)]
        ) { row throws(StoreError) in MailboxID(row.integer(0)) }
        if let sameName { return sameName }
        return try insertMailbox(name, use: use, of: account, connection).id
    }
}
