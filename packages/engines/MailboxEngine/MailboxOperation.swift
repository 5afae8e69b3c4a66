package import MailModel
package import MailPorts

/// What can be done to a mailbox, and the rights that it asks for (RFC 4314 §4): the one table of the platform.
package enum MailboxOperation: CaseIterable, Sendable {
    /// To show it in a list.
    case list
    case select
    /// To read messages of the selected mailbox, search them, hear of changes.
    case read
    case status
    /// To read what the owner's quota is.
    case quota
    case append
    case copyFrom
    case copyTo
    case moveFrom
    case moveTo
    case expunge
    case createBelow
    case delete
    case renameFrom
    case renameBelow
    /// To read rights, to give and to take them.
    case administer
    /// To read one's own rights.
    case knowRights

    /// Every one of these.
    package var needs: MailboxRights {
        switch self {
        case .list: .lookup
        case .select, .read, .status, .quota, .copyFrom: .read
        case .append, .copyTo, .moveTo: .insert
        // RFC 6851 §4.1: a move is a copy, a STORE of \Deleted and an expunge.
        case .moveFrom: [.read, .deleteMessages, .expunge]
        case .expunge: .expunge
        case .createBelow, .renameBelow: .createChild
        case .delete, .renameFrom: .delete
        case .administer: .administer
        case .knowRights: []
        }
    }

    /// One of these at least; empty: nothing is asked beside `needs`.
    package var needsAny: MailboxRights {
        // RFC 4314 §4, MYRIGHTS.
        self == .knowRights ? [.lookup, .read, .insert, .createChild, .delete, .administer] : []
    }

    package func isAllowed(by rights: MailboxRights) -> Bool {
        rights.isSuperset(of: needs) && (needsAny.isEmpty || !rights.isDisjoint(with: needsAny))
    }
}

/// Why something was not done to a mailbox.
package enum AccessFailure: Error, Equatable, Sendable {
    /// The mailbox is known to exist, the rights in it do not suffice (RFC 5530 NOPERM).
    case notPermitted
    /// What nobody can do whatever the rights, with a reason for the client.
    case impossible(String)
    /// `.notFound` stands too for a mailbox that the reader must not know of.
    case store(StoreError)
}

/// A mailbox as one account reaches it.
package struct MailboxPlace: Sendable {
    package var owner: AccountID
    /// Under the name that the reader has for it.
    package var record: MailboxRecord
    /// Where it is at its owner.
    package var ownersName: String
    /// As of when it was found; every operation looks anew.
    package var rights: MailboxRights
    /// nil: it is the reader's own.
    package var shared: SharedName?

    package var id: MailboxID { record.id }
    package var name: String { record.name }
    package var isOwn: Bool { shared == nil }

    /// RFC 4314 §5.2: something of it can be changed.
    package var isWritable: Bool {
        !rights.isDisjoint(with: [.seen, .write, .deleteMessages, .expunge, .insert])
    }

    package init(own record: MailboxRecord, of account: AccountID) {
        owner = account
        self.record = record
        ownersName = record.name
        rights = .all
    }

    init(_ shared: SharedMailbox) {
        let name = SharedName(shared)
        owner = shared.owner
        ownersName = shared.record.name
        record = shared.record
        record.name = name.text
        // What it is for, it is for its owner.
        record.specialUse = nil
        rights = shared.rights
        self.shared = name
    }
}
