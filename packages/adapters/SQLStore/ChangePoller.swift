import Database
import MailModel
import MailPorts

/// Changes that other processes on the same database have made, for accounts that somebody here listens to: what is left
/// when no bus carries them, or while it is away.
actor ChangePoller {
    /// Accounts asked for in one round trip.
    private static let portion = 200

    private let database: any SQLDatabase
    private let feed: any ChangeFeed
    private let listened: @Sendable () -> [AccountID]
    /// Up to where each account's changes have been published.
    private var seen: [AccountID: Int64] = [:]
    private var isPolling = false
    /// Asked for while a look ran.
    private var mustRepeat = false
    /// Those whose look has failed: they are looked at with the next one, trusted bus or not.
    private var owed: Set<AccountID> = []

    init(database: any SQLDatabase, feed: any ChangeFeed, listened: @escaping @Sendable () -> [AccountID]) {
        self.database = database
        self.feed = feed
        self.listened = listened
    }

    func publishNew() async {
        // A slow look is not followed by a second beside it, but by one after it.
        guard !isPolling else {
            mustRepeat = true
            return
        }
        isPolling = true
        defer { isPolling = false }
        repeat {
            mustRepeat = false
            await pass()
        } while mustRepeat
    }

    private func pass() async {
        let wanted = Set(listened()).union(owed)
        owed = wanted
        seen = seen.filter { wanted.contains($0.key) }
        var rest = Array(wanted)[...]
        while !rest.isEmpty {
            let portion = rest.prefix(Self.portion).map { (account: $0, seen: seen[$0] ?? 0) }
            rest = rest.dropFirst(Self.portion)
            // The database has reported the cause.
            guard let found = try? await look(at: portion) else { return }
            owed.subtract(portion.map(\.account))
            for (account, modSeq) in found.modSeqs { seen[account] = modSeq }
            feed.relay(found.changes)
        }
    }

    private struct Found: Sendable {
        var modSeqs: [AccountID: Int64] = [:]
        var changes: [Change] = []
    }

    private func look(at portion: [(account: AccountID, seen: Int64)]) async throws(StoreError) -> Found {
        try await database.read { connection throws(StoreError) in
            var found = Found()
            let counters = portion.map { account, _ in
                SQLStatement("SELECT modseq FROM account_counters WHERE account_id = $1", [.integer(account.rawValue)])
            }
            try connection.queryEach(counters) { place, row throws(StoreError) in
                let modSeq = row.integer(0)
                if modSeq > portion[place].seen { found.modSeqs[portion[place].account] = modSeq }
            }
            let changed = portion.filter { found.modSeqs[$0.account] != nil }
            let mailboxes = changed.map { account, seen in
                SQLStatement(
                    "SELECT mailbox_id, highest_modseq FROM mailboxes WHERE account_id = $1 AND highest_modseq > $2",
                    [.integer(account.rawValue), .integer(seen)]
                )
            }
            try connection.queryEach(mailboxes) { place, row throws(StoreError) in
                found.changes.append(
                    Change(
                        account: changed[place].account,
                        mailbox: MailboxID(row.integer(0)),
                        modSeq: ModSeq(row.integer(1))
                    )
                )
            }
            // The list of mailboxes has no number of its own.
            found.changes += found.modSeqs.map { Change(account: $0.key, mailbox: nil, modSeq: ModSeq($0.value)) }
            return found
        }
    }
}
