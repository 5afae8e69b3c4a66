import MailModel
import MailPorts

/// Changes on their way to other processes: `ORIGIN account,mailbox,modseq account,-,modseq q !`.
///
/// `-` stands for the list of mailboxes, `q` for queue work, `!` for changes that had no room.
struct ChangeMessage: Equatable, Sendable {
    private struct Key: Hashable {
        let account: AccountID
        let mailbox: MailboxID?
    }

    /// Changes that wait while Redis is away, by mailbox; more are given up for a word that something is missing.
    static let maximumWaiting = 20_000
    /// Changes of one message.
    static let maximumPart = 500

    private var newest: [Key: ModSeq] = [:]
    var hasQueueWork = false
    /// Receivers must look in the store.
    private(set) var isIncomplete = false

    init() {}

    var changes: [Change] {
        newest.map { Change(account: $0.key.account, mailbox: $0.key.mailbox, modSeq: $0.value) }
    }

    private var isEmpty: Bool { newest.isEmpty && !hasQueueWork && !isIncomplete }

    mutating func add(_ changes: [Change]) {
        for change in changes {
            let key = Key(account: change.account, mailbox: change.mailbox)
            guard newest[key] != nil || newest.count < Self.maximumWaiting else {
                isIncomplete = true
                continue
            }
            newest[key] = max(newest[key] ?? change.modSeq, change.modSeq)
        }
    }

    /// Takes back what could not be sent.
    mutating func merge(_ part: ChangeMessage) {
        add(part.changes)
        hasQueueWork = hasQueueWork || part.hasQueueWork
        isIncomplete = isIncomplete || part.isIncomplete
    }

    /// Removes as much as one message holds; nil when nothing waits.
    mutating func takePart() -> ChangeMessage? {
        guard !isEmpty else { return nil }
        guard newest.count > Self.maximumPart else {
            defer { self = ChangeMessage() }
            return self
        }
        var part = ChangeMessage()
        for (key, modSeq) in newest.prefix(Self.maximumPart) {
            part.newest[key] = modSeq
            newest[key] = nil
        }
        return part
    }

    func encoded(origin: String) -> String {
        var words = [origin]
        words += newest.map { key, modSeq in
            "\(key.account.rawValue),\(key.mailbox.map { "\($0.rawValue)" } ?? "-"),\(modSeq.rawValue)"
        }
        if hasQueueWork { words.append("q") }
        if isIncomplete { words.append("!") }
        return words.joined(separator: " ")
    }

    /// nil when this process sent it; words that do not read are left out.
    init?(_ octets: [UInt8], notFrom origin: String) {
        let words = octets.split(separator: 32)
        guard let first = words.first, !first.elementsEqual(origin.utf8) else { return nil }
        for word in words.dropFirst() {
            if word.elementsEqual([UInt8(ascii: "q")]) {
                hasQueueWork = true
            } else if word.elementsEqual([UInt8(ascii: "!")]) {
                isIncomplete = true
            } else if let change = Self.change(word) {
                add([change])
            }
        }
    }

    private static func change(_ word: ArraySlice<UInt8>) -> Change? {
        let parts = word.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 3, let account = Int64(parts[0]), let modSeq = Int64(parts[2]) else { return nil }
        if parts[1] == "-" { return Change(account: AccountID(account), mailbox: nil, modSeq: ModSeq(modSeq)) }
        guard let mailbox = Int64(parts[1]) else { return nil }
        return Change(account: AccountID(account), mailbox: MailboxID(mailbox), modSeq: ModSeq(modSeq))
    }
}
