import MailModel
import MailPorts
import SieveScript

/// Where an account's scripts may file: its own mailboxes as they were when the run began.
struct ScriptMailboxes: Sendable {
    private let byName: [[UInt8]: MailboxID]
    private let byUse: [SpecialUse: MailboxRecord]

    init(_ mailboxes: [MailboxRecord]) {
        byName = Dictionary(mailboxes.map { (Self.key($0.name), $0.id) }, uniquingKeysWith: { first, _ in first })
        byUse = Dictionary(
            mailboxes.compactMap { mailbox in mailbox.specialUse.map { ($0, mailbox) } },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// INBOX in any case of letters (RFC 9051 §5.1); octets, because names that differ in them alone are two mailboxes.
    private static func key(_ name: String) -> [UInt8] {
        Array(EmailAddress.lowercased(name) == "inbox" ? "INBOX".utf8 : name.utf8)
    }

    func tell(_ facts: inout SieveFacts) {
        let (names, uses) = (Set(byName.keys), byUse)
        facts.mailboxExists = { names.contains(Self.key($0)) }
        facts.specialUse = { use, mailbox in
            guard let use = Self.use(use), let found = uses[use] else { return false }
            return mailbox == nil || mailbox.map(Self.key) == Self.key(found.name)
        }
    }

    var inbox: MailboxID? { byName[Self.key("INBOX")] }
    func named(_ name: String) -> MailboxID? { byName[Self.key(name)] }
    func with(_ use: SpecialUse) -> MailboxID? { byUse[use]?.id }

    /// `\Junk`, in any case of letters.
    static func use(_ text: String) -> SpecialUse? {
        guard text.utf8.first == UInt8(ascii: "\\") else { return nil }
        return SpecialUse(rawValue: EmailAddress.lowercased(String(decoding: text.utf8.dropFirst(), as: UTF8.self)))
    }

    func existing(_ filing: SieveFiling) -> MailboxID? {
        filing.specialUse.flatMap(Self.use).flatMap(with) ?? named(filing.mailbox)
    }

    /// Where it is filed; nil: there is no such mailbox, and none is made.
    func place(
        of filing: SieveFiling,
        of account: AccountID,
        in store: any MailboxStore
    ) async throws(StoreError) -> MailboxTarget? {
        if let found = existing(filing) { return found == inbox ? .inbox : .mailbox(found) }
        guard filing.isCreated else { return nil }
        let use = filing.specialUse.flatMap(Self.use)
        do throws(StoreError) {
            return .mailbox(try await store.create(filing.mailbox, specialUse: use, of: account).id)
        } catch .alreadyExists {
            return .mailbox(try await store.mailbox(named: filing.mailbox, of: account).id)
        } catch .refused, .notFound {
            // A name that no mailbox has, or as many mailboxes as may be.
            return nil
        }
    }
}
