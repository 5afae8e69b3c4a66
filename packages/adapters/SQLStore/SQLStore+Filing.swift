import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func messages(
        _ search: FilingSearch,
        in mailbox: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> [MessageEntry] {
        var statement = ListStatement()
        statement.require("account_id =", .integer(account.rawValue))
        statement.require("mailbox_id =", .integer(mailbox.rawValue))
        statement.require("uid >", search.after.map { .integer(Int64($0.rawValue)) })
        statement.require("internal_date >=", search.since.map { .integer($0.microseconds) })
        statement.require("internal_date <", search.before.map { .integer($0.microseconds) })
        if search.isUnseen { statement.conditions.append("(flags & \(MessageFlags.seen.rawValue)) = 0") }
        let limit = statement.value(.integer(Int64(search.limit)))
        let sql = "SELECT \(Self.entryColumns) FROM messages\(statement.text) ORDER BY uid LIMIT \(limit)"
        return try await all(sql, statement, Self.entry)
    }

    package func file(
        _ filings: [Filing],
        in mailbox: MailboxID,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) -> [UID] {
        let now = clock.now()
        let outcome = try await database.write { connection throws(StoreError) in
            try Self.lock([account], connection)
            var writer = FilingWriter(connection: connection, account: account, mailbox: mailbox, now: now)
            let there = try writer.file(filings)
            let organisation = try connection.first(
                "SELECT organisation_id FROM accounts WHERE account_id = $1",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in OrganisationID(row.integer(0)) }
            guard let organisation else { throw .notFound }
            try Self.record(audit, of: organisation, connection)
            return (uids: there, changes: writer.changes)
        }
        feed.publish(
            outcome.changes.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                Change(account: account, mailbox: $0.key, modSeq: $0.value)
            }
        )
        return outcome.uids
    }
}

/// Files stored messages inside a transaction, those that go to the same place together.
struct FilingWriter {
    let connection: any SQLConnection
    let account: AccountID
    let mailbox: MailboxID
    let now: Timestamp
    /// Mailboxes that changed, each with its newest modseq.
    private(set) var changes: [MailboxID: ModSeq] = [:]

    init(connection: any SQLConnection, account: AccountID, mailbox: MailboxID, now: Timestamp) {
        self.connection = connection
        self.account = account
        self.mailbox = mailbox
        self.now = now
    }

    /// The UIDs that were there, ascending.
    mutating func file(_ filings: [Filing]) throws(StoreError) -> [UID] {
        let there = try present(filings.map(\.uid).sorted { $0.rawValue < $1.rawValue })
        var copies: [Filing.Place: [UID]] = [:]
        var moves: [Filing.Place: [UID]] = [:]
        var stayers: [Filing.Marks: [UID]] = [:]
        for filing in filings where there.contains(filing.uid) {
            var places = filing.places[...]
            if filing.stays {
                if !filing.marks.isEmpty { stayers[filing.marks, default: []].append(filing.uid) }
            } else if let first = places.popFirst() {
                moves[first, default: []].append(filing.uid)
            }
            for place in places { copies[place, default: []].append(filing.uid) }
        }
        // A message is copied before it moves on; what stays is marked after, so that copies carry what it had.
        for (place, uids) in Self.ordered(copies) { try put(uids, into: place, isMove: false) }
        for (marks, uids) in stayers { try mark(uids, in: mailbox, marks) }
        for (place, uids) in Self.ordered(moves) { try put(uids, into: place, isMove: true) }
        return there.sorted { $0.rawValue < $1.rawValue }
    }

    private static func ordered(_ groups: [Filing.Place: [UID]]) -> [(key: Filing.Place, value: [UID])] {
        groups.sorted { $0.key.mailbox.rawValue < $1.key.mailbox.rawValue }
    }

    private func present(_ uids: [UID]) throws(StoreError) -> Set<UID> {
        _ = try SQLStore.mailbox(mailbox, of: account, connection)
        var found: Set<UID> = []
        for range in UIDRanges(ascending: uids).ranges {
            try connection.query(
                "SELECT uid FROM messages WHERE account_id = $1 AND mailbox_id = $2 AND uid BETWEEN $3 AND $4",
                [
                    .integer(account.rawValue), .integer(mailbox.rawValue), .integer(Int64(range.lowerBound)),
                    .integer(Int64(range.upperBound)),
                ]
            ) { row throws(StoreError) in found.insert(UID(UInt32(clamping: row.integer(0)))) }
        }
        return found
    }

    private mutating func put(_ uids: [UID], into place: Filing.Place, isMove: Bool) throws(StoreError) {
        let mover = MessageMover(connection: connection, account: account, now: now)
        let ranges = UIDRanges(ascending: uids.sorted { $0.rawValue < $1.rawValue })
        let copied = try mover.copy(ranges, from: mailbox, to: place.mailbox, isMove: isMove)
        guard !copied.receipt.source.isEmpty else { return }
        note(place.mailbox, copied.modSeq)
        if isMove {
            let gone = try mover.expunge(
                UIDRanges(ascending: copied.receipt.source),
                in: mailbox,
                onlyDeleted: false,
                isMove: true
            )
            note(mailbox, gone.modSeq)
        }
        if !place.marks.isEmpty { try mark(copied.receipt.destination, in: place.mailbox, place.marks) }
    }

    private mutating func mark(_ uids: [UID], in place: MailboxID, _ marks: Filing.Marks) throws(StoreError) {
        let change = FlagChange(mode: .add, flags: marks.flags, keywords: marks.keywords)
        let ranges = UIDRanges(ascending: uids.sorted { $0.rawValue < $1.rawValue })
        let outcome = try FlagWriter(connection: connection, account: account, mailbox: place)
            .apply(change, to: ranges, unchangedSince: nil)
        if let modSeq = outcome.modSeq { note(place, modSeq) }
    }

    private mutating func note(_ place: MailboxID, _ modSeq: ModSeq) {
        changes[place] = max(changes[place] ?? modSeq, modSeq)
    }
}
