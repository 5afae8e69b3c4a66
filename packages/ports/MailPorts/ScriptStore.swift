package import MailModel

/// A Sieve script of an account, without its text (RFC 5804 §1.6).
package struct ScriptEntry: Hashable, Sendable {
    package var name: String
    /// Octets of its text.
    package var size: Int
    /// Another for each text: no two texts of an account have the same.
    package var version: Int64
    /// The one that mail goes through.
    package var isActive: Bool
    package var createdAt: Timestamp
    package var changedAt: Timestamp
    package init(
        name: String,
        size: Int,
        version: Int64,
        isActive: Bool,
        createdAt: Timestamp,
        changedAt: Timestamp
    ) {
        self.name = name
        self.size = size
        self.version = version
        self.isActive = isActive
        self.createdAt = createdAt
        self.changedAt = changedAt
    }
}

package struct StoredScript: Hashable, Sendable {
    package var entry: ScriptEntry
    package var text: String
    package init(entry: ScriptEntry, text: String) { (self.entry, self.text) = (entry, text) }
}

package struct ScriptListing: Listing {
    package enum Sort: String, ListSort {
        case name
        case createdAt = "created_at"
        case changedAt = "changed_at"
        package var isTieNumber: Bool { false }
    }

    package var account: AccountID
    package var isActive: Bool?
    /// A part of the name, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.name
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(account: AccountID, limit: Int) { (self.account, self.limit) = (account, limit) }
}

extension ScriptEntry: Listed {
    package func place(by sort: ScriptListing.Sort) -> ListPosition {
        switch sort {
        case .name: ListPosition(key: .text(name), tie: name)
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: name)
        case .changedAt: ListPosition(key: .number(changedAt.microseconds), tie: name)
        }
    }
}

/// What scripts remember of mail that came (RFC 7352 §3.1).
package struct ScriptMark: Hashable, Sendable {
    package var handle: String
    package var id: String
    package init(handle: String, id: String) { (self.handle, self.id) = (handle, id) }
}

/// What becomes of one message that is stored already.
package struct Filing: Hashable, Sendable {
    /// Flags that are added; none is taken away.
    package struct Marks: Hashable, Sendable {
        package var flags: MessageFlags
        package var keywords: Keywords
        package init(flags: MessageFlags = [], keywords: Keywords = .none) {
            self.flags = flags
            self.keywords = keywords
        }
        package var isEmpty: Bool { flags.isEmpty && keywords.isEmpty }
    }

    package struct Place: Hashable, Sendable {
        package var mailbox: MailboxID
        package var marks: Marks
        package init(mailbox: MailboxID, marks: Marks = Marks()) { (self.mailbox, self.marks) = (mailbox, marks) }
    }

    package var uid: UID
    /// Whether it stays where it is as well.
    package var stays: Bool
    /// Of the one that stays.
    package var marks: Marks
    /// Other mailboxes, none twice; one that does not stay has one at least.
    package var places: [Place]
    package init(uid: UID, stays: Bool, marks: Marks = Marks(), places: [Place] = []) {
        self.uid = uid
        self.stays = stays
        self.marks = marks
        self.places = places
    }

    package var isNothing: Bool { stays && marks.isEmpty && places.isEmpty }
}

/// Which stored messages a script is run over.
package struct FilingSearch: Hashable, Sendable {
    /// By the internal date, from there on.
    package var since: Timestamp?
    package var before: Timestamp?
    package var isUnseen = false
    /// Behind that one; nil: from the first.
    package var after: UID?
    package var limit: Int
    package init(limit: Int) { self.limit = limit }
}

/// Sieve scripts of people, and what they leave in the store.
package protocol ScriptStore: Sendable {
    func scripts(_ listing: ScriptListing) async throws(StoreError) -> [ScriptEntry]
    func script(named name: String, of account: AccountID) async throws(StoreError) -> StoredScript?
    /// Makes it, or replaces its text; the active one stays active.
    ///
    /// - Throws: `.refused` when the account has `limit` others already.
    func putScript(
        named name: String,
        _ text: String,
        of account: AccountID,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> (entry: ScriptEntry, isNew: Bool)
    /// One instead of any other, or none with nil; `.notFound` when it is not there, or when none is active.
    func activateScript(named name: String?, of account: AccountID, audit: AuditEvent) async throws(StoreError)
    /// `.refused` when it is the active one (RFC 5804 §2.10).
    func removeScript(named name: String, of account: AccountID, audit: AuditEvent) async throws(StoreError)
    /// nil: mail of the account goes through none.
    func activeScript(of account: AccountID) async throws(StoreError) -> StoredScript?
    /// Those of the marks that were remembered and have not expired.
    func scriptMarks(
        _ marks: [ScriptMark],
        of account: AccountID,
        at now: Timestamp
    ) async throws(StoreError) -> Set<ScriptMark>
    /// Remembers until then; what is remembered already keeps its end, unless it is renewed.
    func rememberScriptMark(
        _ mark: ScriptMark,
        of account: AccountID,
        until end: Timestamp,
        isRenewed: Bool,
        now: Timestamp
    ) async throws(StoreError)
    /// - Returns: how many were forgotten.
    func forgetScriptMarks(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int
    /// Delivers the notice of a script that failed, unless one was delivered for it in the last 24 hours.
    ///
    /// - Returns: whether it was delivered.
    func tellOfScriptFault(
        _ plan: DeliveryPlan,
        script name: String,
        of account: AccountID
    ) async throws(StoreError) -> Bool
    /// Ascending by UID.
    func messages(
        _ search: FilingSearch,
        in mailbox: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> [MessageEntry]
    /// Files stored messages in one transaction; sessions hear of it after the commit.
    ///
    /// What is gone meanwhile is left out.
    /// - Returns: the UIDs that were there.
    func file(
        _ filings: [Filing],
        in mailbox: MailboxID,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) -> [UID]
}
