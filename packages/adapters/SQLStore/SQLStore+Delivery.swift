import Database
import MailModel
package import MailPorts

extension SQLStore: DeliveryStore {
    package func deliver(_ plan: DeliveryPlan) async throws(StoreError) -> DeliveryReceipt {
        var plan = plan
        plan.traceparent = TraceContext.current?.traceparent
        return try await deliver(plan, try await prepare(plan.bytes))
    }

    private func deliver(_ plan: DeliveryPlan, _ stored: StoredBytes) async throws(StoreError) -> DeliveryReceipt {
        let accounts = Set(plan.localCopies.map(\.account.rawValue))
        let delivered = try await database.write(of: accounts.count == 1 ? accounts.first : nil) {
            connection throws(StoreError) in
            try Self.deliver(plan, stored, connection)
        }
        publish(delivered, hasQueueWork: !plan.remote.isEmpty)
        return delivered.receipt
    }

    package func deliver(all plans: [DeliveryPlan]) async throws(StoreError) {
        var prepared: [(plan: DeliveryPlan, stored: StoredBytes)] = []
        for plan in plans { prepared.append((plan, try await prepare(plan.bytes))) }
        let parts = prepared
        let every = Set(plans.flatMap { $0.localCopies.map(\.account) }).sorted { $0.rawValue < $1.rawValue }
        let delivered = try await database.write { connection throws(StoreError) in
            // One order over all the plans, as within one.
            if !every.isEmpty { try Self.lock(every, connection) }
            var whole: [Delivered] = []
            for part in parts { whole.append(try Self.deliver(part.plan, part.stored, connection)) }
            return whole
        }
        for (part, one) in zip(plans, delivered) { publish(one, hasQueueWork: !part.remote.isEmpty) }
    }

    struct Delivered: Sendable {
        var receipt = DeliveryReceipt(copies: [])
        /// Accounts that have a mailbox more now.
        var newMailboxes: [Change] = []
    }

    func publish(_ delivered: Delivered, hasQueueWork: Bool) {
        feed.publish(
            delivered.newMailboxes
                + delivered.receipt.copies.map { Change(account: $0.account, mailbox: $0.mailbox, modSeq: $0.modSeq) }
        )
        if hasQueueWork { feed.publishQueueWork() }
    }

    static func deliver(
        _ plan: DeliveryPlan,
        _ stored: StoredBytes,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Delivered {
        var delivered = Delivered()
        // In one order, so that two deliveries to the same accounts cannot wait for each other.
        if plan.localCopies.count > 1 {
            try lock(Set(plan.localCopies.map(\.account)).sorted { $0.rawValue < $1.rawValue }, connection)
        }
        for copy in plan.localCopies {
            let (mailbox, isNew) = try mailbox(for: copy.mailbox, of: copy.account, connection)
            let writer = EmailWriter(connection: connection, account: copy.account, now: plan.receivedAt)
            var summary = plan.summary
            summary.headerSize += copy.prefix.count
            let made = try writer.insert(
                summary,
                stored,
                EmailWriter.Entry(
                    mailbox: mailbox,
                    flags: copy.flags,
                    keywords: copy.keywords,
                    internalDate: plan.receivedAt,
                    prefix: copy.prefix
                )
            )
            delivered.receipt.copies.append(
                .init(account: copy.account, mailbox: mailbox, uid: made.uid, modSeq: made.modSeq)
            )
            if isNew { delivered.newMailboxes.append(Change(account: copy.account, mailbox: nil, modSeq: made.modSeq)) }
        }
        try noteUse(of: plan.localCopies, at: plan.receivedAt, connection)
        if !plan.remote.isEmpty { try enqueue(plan, stored, connection) }
        try insert(plan.trace, connection)
        return delivered
    }

    private static func mailbox(
        for target: MailboxTarget,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (id: MailboxID, isNew: Bool) {
        if case .inbox = target { return (inbox, false) }
        try lock([account], connection)
        if case .mailbox(let id) = target {
            let isThere = try connection.first(
                "SELECT 1 FROM mailboxes WHERE account_id = $1 AND mailbox_id = $2",
                [.integer(account.rawValue), .integer(id.rawValue)]
            ) { _ throws(StoreError) in true }
            return (isThere == true ? id : inbox, false)
        }
        guard case .specialUse(let use) = target else { return (inbox, false) }
        let found = try connection.first(
            "SELECT mailbox_id FROM mailboxes WHERE account_id = $1 AND special_use = $2",
            [.integer(account.rawValue), .text(use.rawValue)]
        ) { row throws(StoreError) in MailboxID(row.integer(0)) }
        if let found { return (found, false) }
        let name = String(use.attribute.dropFirst())
        let sameName = try connection.first(
            "SELECT mailbox_id FROM mailboxes WHERE account_id = $1 AND name = $2",
            [.integer(account.rawValue), .text(name)]
        ) { row throws(StoreError) in MailboxID(row.integer(0)) }
        if let sameName { return (sameName, false) }
        return (try insertMailbox(name, use: use, of: account, connection).id, true)
    }
}
