package import MailModel

/// What an index does not have yet of one account.
package struct IndexWork: Sendable {
    /// A message to be indexed: all but its text.
    package struct Email: Sendable {
        package var id: EmailID
        package var subject: String
        package var from: String
        package var to: String
        package var cc: String
        package var receivedAt: Timestamp
        package var sentAt: Timestamp?
        package var size: Int
        package var hasAttachment: Bool
        package init(
            id: EmailID,
            subject: String,
            from: String,
            to: String,
            cc: String,
            receivedAt: Timestamp,
            sentAt: Timestamp?,
            size: Int,
            hasAttachment: Bool
        ) {
            self.id = id
            self.subject = subject
            self.from = from
            self.to = to
            self.cc = cc
            self.receivedAt = receivedAt
            self.sentAt = sentAt
            self.size = size
            self.hasAttachment = hasAttachment
        }
    }

    package var account: AccountID
    /// Whether the account is gone, and the index is to forget it.
    package var isGone: Bool
    /// Whether nothing of the account has been indexed before: what the index may still have of it is to go first.
    package var startsAnew: Bool
    /// New messages, ascending.
    package var emails: [Email]
    /// Messages that were indexed and are gone.
    package var removed: [EmailID]
    /// The account's state that this was read at.
    package var modSeq: ModSeq
    /// Whether nothing is left behind this.
    package var isLast: Bool
    package init(
        account: AccountID,
        isGone: Bool = false,
        startsAnew: Bool = false,
        emails: [Email] = [],
        removed: [EmailID] = [],
        modSeq: ModSeq = ModSeq(0),
        isLast: Bool = true
    ) {
        self.account = account
        self.isGone = isGone
        self.startsAnew = startsAnew
        self.emails = emails
        self.removed = removed
        self.modSeq = modSeq
        self.isLast = isLast
    }
}

/// A message that a search found, as it is now.
package struct FoundMessage: Hashable, Sendable {
    package struct Place: Hashable, Sendable {
        package var mailbox: MailboxID
        package var name: String
        package var uid: UID
        package var flags: MessageFlags
        package init(mailbox: MailboxID, name: String, uid: UID, flags: MessageFlags) {
            self.mailbox = mailbox
            self.name = name
            self.uid = uid
            self.flags = flags
        }
    }
    package var email: EmailID
    package var thread: ThreadID
    package var subject: String
    package var from: String
    package var to: String
    package var preview: String
    package var receivedAt: Timestamp
    package var sentAt: Timestamp?
    package var size: Int
    package var hasAttachment: Bool
    /// Never empty: a message in no mailbox is not found.
    package var places: [Place]
    package init(
        email: EmailID,
        thread: ThreadID,
        subject: String,
        from: String,
        to: String,
        preview: String,
        receivedAt: Timestamp,
        sentAt: Timestamp?,
        size: Int,
        hasAttachment: Bool,
        places: [Place]
    ) {
        self.email = email
        self.thread = thread
        self.subject = subject
        self.from = from
        self.to = to
        self.preview = preview
        self.receivedAt = receivedAt
        self.sentAt = sentAt
        self.size = size
        self.hasAttachment = hasAttachment
        self.places = places
    }
}

/// How far an index has come with the messages of every account, and what it needs to go on.
package protocol SearchSourceStore: Sendable {
    /// Accounts that have changed since the index came by, those that are gone too; ascending, after `after`.
    func accountsToIndex(after: AccountID?, limit: Int) async throws(StoreError) -> [AccountID]
    /// What is to be done for one account: at most `limit` new messages and as many that are gone.
    func indexWork(of account: AccountID, limit: Int) async throws(StoreError) -> IndexWork
    /// Notes that the work is in the index, so that it is not given again.
    func indexed(_ work: IndexWork) async throws(StoreError)
    /// Makes the index begin anew: with one account, or with all.
    func reindex(_ account: AccountID?) async throws(StoreError)
    /// Accounts that are indexed, and how many have changed since.
    func indexState() async throws(StoreError) -> (accounts: Int, waiting: Int)

    /// Those of the messages that the account has, in the given order; at most 500.
    func found(_ emails: [EmailID], of account: AccountID) async throws(StoreError) -> [FoundMessage]
}
