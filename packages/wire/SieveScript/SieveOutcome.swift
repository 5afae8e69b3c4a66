/// What a run decided; nothing of it is done yet.
package struct SieveOutcome: Hashable, Sendable {
    /// In the order of the script; the implicit keep (RFC 5228 §2.10.2) stands last, as any other keep.
    ///
    /// An edit of the header holds for the actions behind it (RFC 5293 §2).
    package var actions: [SieveAction] = []
    /// Whether a keep is there that the script did not say.
    package var isImplicitlyKept = false
    /// What is to be remembered when the actions are done (RFC 7352 §3.1).
    package var duplicates: [SieveDuplicate] = []
    package init() {}
}

/// One thing to do with the message.
package enum SieveAction: Hashable, Sendable {
    /// Into the mailbox that mail goes to without a script.
    ///
    /// Flags are nil when the script said nothing of them: stored mail keeps its own.
    case keep(flags: [String]?)
    case fileInto(SieveFiling)
    case redirect(SieveRedirect)
    /// Said by the script; that no keep is there decides.
    case discard
    /// Refused with that text (RFC 5429): in the session where it can be, by a notice otherwise.
    ///
    /// `isExtended` is `ereject`: prefers the refusal in the session.
    case reject(text: String, isExtended: Bool)
    case vacation(SieveVacation)
    case edit(SieveHeaderEdit)
}

/// The action `fileinto`.
package struct SieveFiling: Hashable, Sendable {
    package var mailbox: String
    package var flags: [String]?
    /// Made when it is not there (RFC 5490 §3.2).
    package var isCreated = false
    /// `\Junk`: the mailbox with that use is taken first, `mailbox` when there is none (RFC 8579 §4).
    package var specialUse: String?
    /// Whether it left the implicit keep in force (RFC 3894).
    package var isCopy = false
    package init(mailbox: String, flags: [String]? = nil) { (self.mailbox, self.flags) = (mailbox, flags) }
}

/// The action `redirect`.
package struct SieveRedirect: Hashable, Sendable {
    package var address: String
    /// Whether it left the implicit keep in force (RFC 3894).
    package var isCopy = false
    package init(address: String, isCopy: Bool = false) { (self.address, self.isCopy) = (address, isCopy) }
}

/// The action `vacation`: whether an answer goes out is decided by who runs it (RFC 5230 §4).
package struct SieveVacation: Hashable, Sendable {
    package var subject: String?
    package var from: String?
    /// Further addresses of the owner.
    package var addresses: [String] = []
    /// Whether `reason` is a MIME entity with its header (RFC 5230 §4.4).
    package var isMIME = false
    /// Answers of the same handle count together; nil: those of the same arguments do (RFC 5230 §4.2).
    package var handle: String?
    /// Between two answers to the same sender; nil when the script says nothing (RFC 5230 §4.1, RFC 6131 §2).
    package var seconds: Int64?
    package var reason: String
    package init(reason: String) { self.reason = reason }
}

/// One change of the message's header (RFC 5293).
package enum SieveHeaderEdit: Hashable, Sendable {
    /// Before all others, or behind all others.
    case add(name: String, value: String, isLast: Bool)
    /// The field of that name, counted from 1 among those that are there when the edit is done.
    case delete(name: String, occurrence: Int)
}
