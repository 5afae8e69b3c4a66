import Database
import MailModel
import MailPorts

/// Changes that processes on the same database tell each other: what a command does to an account while a server has
/// sessions on it.
actor NoticeReader {
    private let database: any SQLDatabase
    private let feed: any ChangeFeed
    /// nil until the first look, which publishes nothing.
    private var last: Int64?

    init(database: any SQLDatabase, feed: any ChangeFeed) {
        self.database = database
        self.feed = feed
    }

    func publishNew() async {
        let after = last
        // What cannot be read now is read with the next foreign commit; the database has reported the cause.
        let found = try? await database.read { connection throws(StoreError) in
            guard let after else {
                let newest = try connection.first("SELECT COALESCE(MAX(notice_id), 0) FROM notices") {
                    row throws(StoreError) in row.integer(0)
                }
                return (newest: newest ?? 0, changes: [Change]())
            }
            var newest = after
            let changes = try connection.all(
                "SELECT notice_id, account_id, mailbox_id, modseq FROM notices WHERE notice_id > $1 ORDER BY notice_id LIMIT 1000",
                [.integer(after)]
            ) { row throws(StoreError) in
                newest = row.integer(0)
                return Change(
                    account: AccountID(row.integer(1)),
                    mailbox: row.optionalInteger(2).map { MailboxID($0) },
                    modSeq: ModSeq(row.integer(3))
                )
            }
            return (newest: newest, changes: changes)
        }
        guard let found, found.newest > last ?? -1 else { return }
        last = found.newest
        feed.relay(found.changes)
    }
}

extension SQLStore {
    /// Notices that are kept: whoever has not read them by then has been away.
    private static let keptNotices: Int64 = 1_000

    static func leaveNotice(of changes: [Change], _ connection: any SQLConnection) throws(StoreError) {
        try connection.takeTurn(.notices)
        for change in changes {
            try connection.post(
                "INSERT INTO notices (account_id, mailbox_id, modseq) VALUES ($1, $2, $3)",
                [
                    .integer(change.account.rawValue), .optional(change.mailbox?.rawValue),
                    .integer(change.modSeq.rawValue),
                ]
            )
        }
        // The newest stays always, so that numbers only grow.
        try connection.post(
            "DELETE FROM notices WHERE notice_id <= (SELECT MAX(notice_id) FROM notices) - $1",
            [.integer(keptNotices)]
        )
    }
}
