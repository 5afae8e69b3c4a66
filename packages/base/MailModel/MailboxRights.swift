/// What somebody may do in a mailbox (RFC 4314 §2.1): the ten rights that stand alone.
///
/// The virtual rights `c` and `d` of RFC 2086 are read as what they stand for (RFC 4314 §2.1.1): `c` is `kx`, `d` is `te`.
package struct MailboxRights: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// `l`: it is shown in lists.
    package static let lookup = MailboxRights(rawValue: 1)
    /// `r`: it can be selected, its messages read.
    package static let read = MailboxRights(rawValue: 2)
    /// `s`: `\Seen` can be changed.
    package static let seen = MailboxRights(rawValue: 4)
    /// `w`: flags other than `\Seen` and `\Deleted` can be changed.
    package static let write = MailboxRights(rawValue: 8)
    /// `i`: messages can be added.
    package static let insert = MailboxRights(rawValue: 16)
    /// `p`: kept and told; it allows nothing here.
    package static let post = MailboxRights(rawValue: 32)
    /// `k`: mailboxes can be made below it.
    package static let createChild = MailboxRights(rawValue: 64)
    /// `x`: it can be deleted and renamed.
    package static let delete = MailboxRights(rawValue: 128)
    /// `t`: `\Deleted` can be changed.
    package static let deleteMessages = MailboxRights(rawValue: 256)
    /// `e`: messages with `\Deleted` can be removed.
    package static let expunge = MailboxRights(rawValue: 512)
    /// `a`: rights can be given and taken.
    package static let administer = MailboxRights(rawValue: 1_024)

    package static let all = MailboxRights(rawValue: 2_047)

    /// Letters in the order in which they are written.
    package static let letters: [(letter: UInt8, right: MailboxRights)] = zip(
        "lrswipkxtea".utf8,
        [lookup, read, seen, write, insert, post, createChild, delete, deleteMessages, expunge, administer]
    ).map { ($0, $1) }

    /// Reads letters; nil for one that is no right, upper case included (RFC 4314 §3.1).
    package init?(letters text: some Sequence<UInt8>) {
        self = []
        for letter in text {
            switch letter {
            case UInt8(ascii: "c"): formUnion([.createChild, .delete])
            case UInt8(ascii: "d"): formUnion([.deleteMessages, .expunge])
            default:
                guard let right = Self.letters.first(where: { $0.letter == letter })?.right else { return nil }
                formUnion(right)
            }
        }
    }

    /// The rights' letters without the virtual ones: `lrswi`.
    package var description: String {
        String(decoding: Self.letters.filter { contains($0.right) }.map(\.letter), as: UTF8.self)
    }

    /// With `c` and `d`, which RFC 4314 §2.1.1 wants told where any right is held that they stand for.
    package var withVirtualRights: String {
        var text = description
        if !isDisjoint(with: [.createChild, .delete]) { text += "c" }
        if !isDisjoint(with: [.deleteMessages, .expunge]) { text += "d" }
        return text
    }

    /// The flags that may be changed with these rights (RFC 4314 §4).
    package var flags: FlagScope {
        var flags: MessageFlags = []
        if contains(.seen) { flags.insert(.seen) }
        if contains(.deleteMessages) { flags.insert(.deleted) }
        if contains(.write) { flags.formUnion([.answered, .flagged, .draft]) }
        return FlagScope(flags: flags, hasKeywords: contains(.write))
    }
}

/// Which flags a change may touch.
package struct FlagScope: Hashable, Sendable {
    package var flags: MessageFlags
    package var hasKeywords: Bool
    package init(flags: MessageFlags, hasKeywords: Bool) { (self.flags, self.hasKeywords) = (flags, hasKeywords) }

    package static let all = FlagScope(flags: [.seen, .answered, .flagged, .deleted, .draft], hasKeywords: true)
    package var isEmpty: Bool { flags.isEmpty && !hasKeywords }
}
