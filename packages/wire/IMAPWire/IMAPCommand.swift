package import MailModel

/// A client's command with its tag (RFC 9051 §2.2.1).
package struct TaggedCommand: Sendable {
    package var tag: String
    package var command: IMAPCommand
}

/// Every command of RFC 9051 and RFC 3501 and of the extensions that the server speaks.
package enum IMAPCommand: Sendable {
    // Any state
    case capability
    case noop
    case logout
    case id([String: String])
    // Not authenticated
    case startTLS
    case authenticate(mechanism: String, initialResponse: [UInt8]?)
    case login(user: [UInt8], password: [UInt8])
    // Authenticated
    case enable([String])
    case select(MailboxName, isReadOnly: Bool)
    case create(MailboxName, specialUses: [SpecialUse])
    case delete(MailboxName)
    case rename(MailboxName, to: MailboxName)
    case subscribe(MailboxName)
    case unsubscribe(MailboxName)
    case list(ListCommand)
    case lsub(reference: String, pattern: String)
    case namespace
    case status(MailboxName, [StatusItem])
    case idle
    // RFC 9208
    case getQuota(root: [UInt8])
    case getQuotaRoot(MailboxName)
    // RFC 4314
    case setACL(MailboxName, RightsCommand)
    case deleteACL(MailboxName, identifier: String)
    case getACL(MailboxName)
    case listRights(MailboxName, identifier: String)
    case myRights(MailboxName)
    // Selected
    case check
    case close
    case unselect
    case expunge
    case uidExpunge(SequenceSet)
    case search(SearchCommand, isUID: Bool)
    case fetch(SequenceSet, [FetchItem], isUID: Bool)
    case store(StoreCommand, isUID: Bool)
    case copy(SequenceSet, MailboxName, isUID: Bool)
    case move(SequenceSet, MailboxName, isUID: Bool)

    /// The command's name, for metrics and logs.
    package var name: String {
        switch self {
        case .capability: "CAPABILITY"
        case .noop: "NOOP"
        case .logout: "LOGOUT"
        case .id: "ID"
        case .startTLS: "STARTTLS"
        case .authenticate: "AUTHENTICATE"
        case .login: "LOGIN"
        case .enable: "ENABLE"
        case .select(_, let isReadOnly): isReadOnly ? "EXAMINE" : "SELECT"
        case .create: "CREATE"
        case .delete: "DELETE"
        case .rename: "RENAME"
        case .subscribe: "SUBSCRIBE"
        case .unsubscribe: "UNSUBSCRIBE"
        case .list: "LIST"
        case .lsub: "LSUB"
        case .namespace: "NAMESPACE"
        case .status: "STATUS"
        case .idle: "IDLE"
        case .getQuota: "GETQUOTA"
        case .getQuotaRoot: "GETQUOTAROOT"
        case .setACL: "SETACL"
        case .deleteACL: "DELETEACL"
        case .getACL: "GETACL"
        case .listRights: "LISTRIGHTS"
        case .myRights: "MYRIGHTS"
        case .check: "CHECK"
        case .close: "CLOSE"
        case .unselect: "UNSELECT"
        case .expunge: "EXPUNGE"
        case .uidExpunge: "UID EXPUNGE"
        case .search(_, let isUID): isUID ? "UID SEARCH" : "SEARCH"
        case .fetch(_, _, let isUID): isUID ? "UID FETCH" : "FETCH"
        case .store(_, let isUID): isUID ? "UID STORE" : "STORE"
        case .copy(_, _, let isUID): isUID ? "UID COPY" : "COPY"
        case .move(_, _, let isUID): isUID ? "UID MOVE" : "MOVE"
        }
    }
}

/// LIST with the extensions of RFC 5258, RFC 5819 and RFC 6154 (all in RFC 9051 §6.3.9).
package struct ListCommand: Sendable {
    package var selectsSubscribed = false
    package var selectsRemote = false
    package var selectsSpecialUse = false
    package var isRecursiveMatch = false
    package var reference: String
    package var patterns: [String]
    package var returnsChildren = false
    package var returnsSubscribed = false
    package var returnsSpecialUse = false
    package var returnsStatus: [StatusItem] = []
    /// RFC 8440.
    package var returnsMyRights = false
    /// Whether selection or return options were given at all: then LIST "" "" is no special case.
    package var isExtended = false
}

package enum StatusItem: String, Sendable, CaseIterable {
    case messages = "MESSAGES"
    case uidNext = "UIDNEXT"
    case uidValidity = "UIDVALIDITY"
    case unseen = "UNSEEN"
    case deleted = "DELETED"
    case deletedStorage = "DELETED-STORAGE"
    case size = "SIZE"
    case recent = "RECENT"
    case highestModSeq = "HIGHESTMODSEQ"
    case mailboxID = "MAILBOXID"
    case appendLimit = "APPENDLIMIT"
}

/// SEARCH (RFC 9051 §6.4.4).
package struct SearchCommand: Sendable {
    package enum ReturnOption: String, Sendable {
        case min = "MIN"
        case max = "MAX"
        case all = "ALL"
        case count = "COUNT"
        case save = "SAVE"
    }
    /// nil: the untagged SEARCH of RFC 3501.
    package var returns: Set<ReturnOption>?
    package var charset: String?
    package var key: SearchKey
}

/// A search key; several side by side are `.and`.
package indirect enum SearchKey: Sendable {
    case all
    case and([SearchKey])
    case or(SearchKey, SearchKey)
    case not(SearchKey)
    case sequence(SequenceSet)
    case uid(SequenceSet)
    case flag(MessageFlags)
    case keyword(String)
    /// RFC 3501 RECENT, NEW and OLD: no message is ever recent here.
    case recent
    case header(name: [UInt8], value: [UInt8])
    case subject([UInt8])
    case from([UInt8])
    case to([UInt8])
    case cc([UInt8])
    case bcc([UInt8])
    case body([UInt8])
    case text([UInt8])
    case larger(Int)
    case smaller(Int)
    /// Days since 1970-01-01.
    case before(Int64)
    case on(Int64)
    case since(Int64)
    case sentBefore(Int64)
    case sentOn(Int64)
    case sentSince(Int64)
    case savedBefore(Int64)
    case savedOn(Int64)
    case savedSince(Int64)
    /// RFC 5032, in seconds.
    case older(Int64)
    case younger(Int64)
    case modSeq(Int64)
    case emailID(String)
    case threadID(String)
}

/// FETCH items (RFC 9051 §6.4.5).
package enum FetchItem: Hashable, Sendable {
    case envelope, flags, internalDate, rfc822Size, uid, bodyStructure, body, modSeq, emailID, threadID, preview,
        saveDate
    case rfc822, rfc822Header, rfc822Text
    case section(BodySection, partial: Range<Int>?, isPeek: Bool)
    case binary([Int], partial: Range<Int>?, isPeek: Bool)
    case binarySize([Int])
}

/// `section-spec` of RFC 9051 §6.4.5.1.
package struct BodySection: Hashable, Sendable {
    package enum Text: Hashable, Sendable {
        case everything
        case header
        case headerFields([[UInt8]])
        case headerFieldsNot([[UInt8]])
        case text
        case mime
    }
    package var part: [Int]
    package var text: Text
    /// As the response names it: what the client wrote, in one form.
    package var written: [UInt8]

    package init(part: [Int], text: Text, written: [UInt8]) {
        self.part = part
        self.text = text
        self.written = written
    }
}

package struct StoreCommand: Sendable {
    package enum Mode: Sendable { case replace, add, remove }
    package var set: SequenceSet
    package var mode: Mode
    package var isSilent: Bool
    package var flags: FlagList
    package var unchangedSince: Int64?
}

/// What SETACL gives or takes (RFC 4314 §3.1).
package struct RightsCommand: Sendable {
    package enum Mode: Sendable { case replace, add, remove }
    package var identifier: String
    package var mode: Mode
    package var rights: MailboxRights
}

/// Flags as a client lists them.
package struct FlagList: Sendable {
    package var flags: MessageFlags = []
    package var keywords: [String] = []
    package init() {}
}

/// The head of APPEND, before its message (RFC 9051 §6.3.12).
package struct AppendCommand: Sendable {
    package var tag: String
    package var mailbox: MailboxName
    package var flags: FlagList
    package var internalDate: Timestamp?
}

/// A syntax error; the tag is known where the line had one, so that it can be answered.
package struct IMAPParseError: Error, Equatable, Sendable {
    package var tag: String?
    /// For the client: what was expected.
    package var hint: String
    package init(tag: String?, hint: String) {
        self.tag = tag
        self.hint = hint
    }
}
