import Database
import MailModel
package import MailPorts

extension SQLStore {
    package func transfer(_ transfer: MessageTransfer) async throws(StoreError) -> CopyReceipt {
        let now = clock.now()
        let outcome = try await database.write { connection throws(StoreError) in
            try MessageCarrier(connection: connection, transfer: transfer, now: now).carry()
        }
        guard !outcome.receipt.source.isEmpty else { return outcome.receipt }
        var changes = [Change(account: transfer.toAccount, mailbox: transfer.to, modSeq: outcome.arrived)]
        if let left = outcome.left {
            changes.append(Change(account: transfer.fromAccount, mailbox: transfer.from, modSeq: left))
        }
        feed.publish(changes)
        return outcome.receipt
    }
}

/// Carries messages from one account to another inside a transaction: their bytes are shared, everything else is the new
/// account's own: numbers, conversation, quota.
struct MessageCarrier {
    let connection: any SQLConnection
    let transfer: MessageTransfer
    let now: Timestamp

    struct Outcome: Sendable {
        var receipt: CopyReceipt
        var arrived: ModSeq
        /// nil: nothing was taken away.
        var left: ModSeq?
    }

    private struct Source: Sendable {
        var uid: UID
        var entry: EmailWriter.Entry
        var summary: MessageSummary
        var stored: StoredBytes
    }

    func carry() throws(StoreError) -> Outcome {
        // In one order, so that two that carry in opposite directions take turns.
        try SQLStore.lock(Set([transfer.fromAccount, transfer.toAccount]).sorted(), connection)
        let mover = MessageMover(connection: connection, account: transfer.fromAccount, now: now)
        let receipt: CopyReceipt
        let arrived: ModSeq
        let isWithin = transfer.fromAccount == transfer.toAccount
        if isWithin {
            (receipt, arrived) = try mover.copy(
                transfer.uids,
                from: transfer.from,
                to: transfer.to,
                isMove: transfer.isMove,
                keeping: transfer.keeps
            )
        } else {
            (receipt, arrived) = try copyAcross()
        }
        guard transfer.isMove, !receipt.source.isEmpty else {
            return Outcome(receipt: receipt, arrived: arrived, left: nil)
        }
        let left = try mover.expunge(
            UIDRanges(ascending: receipt.source),
            in: transfer.from,
            onlyDeleted: false,
            isMove: isWithin
        ).modSeq
        return Outcome(receipt: receipt, arrived: arrived, left: left)
    }

    private func copyAcross() throws(StoreError) -> (CopyReceipt, ModSeq) {
        _ = try SQLStore.mailbox(transfer.from, of: transfer.fromAccount, connection)
        let target = try SQLStore.mailbox(transfer.to, of: transfer.toAccount, connection)
        var receipt = CopyReceipt(uidValidity: target.uidValidity, source: [], destination: [])
        var arrived = target.highestModSeq
        let writer = EmailWriter(connection: connection, account: transfer.toAccount, now: now)
        let uids = try uids()
        guard uids.count <= transfer.mostAcross else {
            throw .refused("at most \(transfer.mostAcross) messages go to another account at once")
        }
        for uid in uids {
            guard let source = try source(uid) else { continue }
            let made = try writer.insert(source.summary, source.stored, source.entry)
            receipt.source.append(source.uid)
            receipt.destination.append(made.uid)
            arrived = made.modSeq
        }
        return (receipt, arrived)
    }

    private func uids() throws(StoreError) -> [Int64] {
        var found: [Int64] = []
        for range in transfer.uids.ranges {
            found += try connection.all(
                "SELECT uid FROM messages WHERE account_id = $1 AND mailbox_id = $2 AND uid BETWEEN $3 AND $4 ORDER BY uid",
                [
                    .integer(transfer.fromAccount.rawValue), .integer(transfer.from.rawValue),
                    .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)),
                ]
            ) { row throws(StoreError) in row.integer(0) }
        }
        return found
    }

    /// One message at a time: the bytes of one are in memory, not those of all.
    private func source(_ uid: Int64) throws(StoreError) -> Source? {
        try connection.first(
            """
            SELECT flags, keywords, internal_date, prefix, blob_hash, blob_size, encoding, data, envelope, body_structure, header_size,
            subject, from_text, to_text, cc_text, bcc_text, message_id, reference_ids, sent_at, has_attachment, preview
            FROM messages
            JOIN emails ON emails.account_id = messages.account_id AND emails.email_id = messages.email_id
            LEFT JOIN inline_bytes ON inline_bytes.account_id = emails.account_id AND inline_bytes.email_id = emails.email_id
            AND emails.is_inline = 1
            WHERE messages.account_id = $1 AND mailbox_id = $2 AND uid = $3
            """,
            [.integer(transfer.fromAccount.rawValue), .integer(transfer.from.rawValue), .integer(uid)]
        ) { row throws(StoreError) in
            Source(
                uid: UID(UInt32(clamping: uid)),
                entry: EmailWriter.Entry(
                    mailbox: transfer.to,
                    flags: MessageFlags(rawValue: UInt8(truncatingIfNeeded: row.integer(0)))
                        .intersection(transfer.keeps.flags),
                    keywords: transfer.keeps.hasKeywords ? Keywords(stored: row.text(1)) : .none,
                    internalDate: Timestamp(microseconds: row.integer(2)),
                    prefix: row.bytes(3)
                ),
                summary: Self.summary(row),
                stored: StoredBytes(
                    hash: row.bytes(4),
                    size: Int(row.integer(5)),
                    encoding: row.isNull(6) ? .plain : StoredBytes.Encoding(rawValue: row.integer(6)) ?? .plain,
                    inline: row.isNull(6) ? nil : row.bytes(7)
                )
            )
        }
    }

    private static func summary(_ row: any SQLRow) -> MessageSummary {
        var summary = MessageSummary(headerSize: Int(row.integer(10)), hasAttachment: row.integer(19) != 0)
        summary.envelope = row.bytes(8)
        summary.bodyStructure = row.bytes(9)
        summary.subject = row.text(11)
        summary.from = row.text(12)
        summary.to = row.text(13)
        summary.cc = row.text(14)
        summary.bcc = row.text(15)
        summary.messageID = row.optionalText(16)
        summary.references = row.text(17).utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        summary.sentAt = row.optionalInteger(18).map { Timestamp(microseconds: $0) }
        summary.preview = row.text(20)
        return summary
    }
}
