package import MailModel

/// What a search index holds of one message of one account; which mailboxes it is in and its flags are asked of the store.
package struct SearchDocument: Hashable, Sendable {
    package var account: AccountID
    package var email: EmailID
    package var subject: String
    package var from: String
    package var to: String
    package var cc: String
    /// The text of every text part, without markup, at most `SearchDocument.bodyLimit` octets.
    package var body: String
    /// File names of attachments.
    package var attachments: [String]
    package var receivedAt: Timestamp
    package var sentAt: Timestamp?
    /// Octets.
    package var size: Int
    package var hasAttachment: Bool

    /// Octets of text of one message that are indexed.
    package static let bodyLimit = 1 << 20

    package init(
        account: AccountID,
        email: EmailID,
        subject: String,
        from: String,
        to: String,
        cc: String,
        body: String,
        attachments: [String],
        receivedAt: Timestamp,
        sentAt: Timestamp?,
        size: Int,
        hasAttachment: Bool
    ) {
        self.account = account
        self.email = email
        self.subject = subject
        self.from = from
        self.to = to
        self.cc = cc
        self.body = body
        self.attachments = attachments
        self.receivedAt = receivedAt
        self.sentAt = sentAt
        self.size = size
        self.hasAttachment = hasAttachment
    }
}

/// What somebody looks for in their own mail; what is not given does not matter, all that is given must hold.
package struct SearchQuery: Hashable, Sendable {
    package enum Order: String, Sendable { case relevance, newest }
    package var account: AccountID
    /// Words that must all be found, in whatever field; the last one may be the beginning of a word.
    package var text: String?
    package var from: String?
    package var to: String?
    package var subject: String?
    package var hasAttachment: Bool?
    /// By the time of arrival: from `since` on, before `until`.
    package var since: Timestamp?
    package var until: Timestamp?
    package var order: Order
    package init(account: AccountID, text: String? = nil, order: Order = .newest) {
        self.account = account
        self.text = text
        self.order = order
    }
}

/// A place in a list of hits, as `SearchIndex` makes it; opaque to everybody else.
package struct SearchPosition: Hashable, Sendable {
    package var text: String
    package init(_ text: String) { self.text = text }
}

package struct SearchHit: Hashable, Sendable {
    package var email: EmailID
    /// Behind this hit.
    package var position: SearchPosition
    package init(email: EmailID, position: SearchPosition) { (self.email, self.position) = (email, position) }
}

package enum SearchIndexError: Error, Equatable, Sendable {
    /// It does not answer, or not as it should (transient); the log has the cause under the id.
    case unavailable(reportID: String)
    /// The position is not one of its own (permanent).
    case badPosition
}

/// An index of messages that several processes share; what it says is checked against the store before anybody sees it.
package protocol SearchIndex: Sendable {
    /// Makes what is missing of it.
    func prepare() async throws(SearchIndexError)
    /// Puts documents, and forgets messages that are gone; may be done again.
    func apply(
        _ documents: [SearchDocument],
        removing gone: [EmailID],
        of account: AccountID
    ) async throws(SearchIndexError)
    /// Forgets all of an account.
    func forget(_ account: AccountID) async throws(SearchIndexError)
    /// At most `limit` hits behind `after`, of the query's account only.
    func search(_ query: SearchQuery, after: SearchPosition?, limit: Int) async throws(SearchIndexError) -> [SearchHit]
    /// Whether it answers.
    func checkHealth() async throws(SearchIndexError)
}
