import MailModel
import MailPorts
import MessageFormat
import NIOCore
import Synchronization

/// One mailbox in memory, with every change numbered, as the port wants it.
final class FakeMailbox: MailboxStore {
    static let account = AccountID(7)
    static let mailbox = MailboxID(1)

    struct Message {
        var entry: MessageEntry
        var bytes: [UInt8]
    }

    struct State {
        var messages: [Message] = []
        var vanished: [(uid: UID, modSeq: Int64)] = []
        var modSeq: Int64 = 1
        var uidNext: UInt32 = 1
        var validity: UInt32 = 1
        var contentReads = 0
        var reads = 0
        var isGone = false
    }

    let state = Mutex(State())

    @discardableResult
    func add(
        _ text: String = "Subject: x\r\n\r\nbody\r\n",
        flags: MessageFlags = [],
        keywords: [String] = [],
        date: Int64 = 1_700_000_000,
        gap: UInt32 = 0
    ) -> UInt32 {
        state.withLock { state in
            state.modSeq += 1
            state.uidNext += gap
            let uid = state.uidNext
            state.uidNext += 1
            let bytes = Array(text.utf8)
            state.messages.append(
                Message(
                    entry: MessageEntry(
                        uid: UID(uid),
                        flags: flags,
                        keywords: Keywords(keywords),
                        modSeq: ModSeq(state.modSeq),
                        email: EmailID(Int64(uid)),
                        size: bytes.count,
                        internalDate: Timestamp(seconds: date),
                        savedAt: Timestamp(seconds: date + 86_400)
                    ),
                    bytes: bytes
                )
            )
            return uid
        }
    }

    func remove(at place: Int) {
        state.withLock { state in
            state.modSeq += 1
            state.vanished.append((state.messages[place].entry.uid, state.modSeq))
            state.messages.remove(at: place)
        }
    }

    func toggle(at place: Int, _ flag: MessageFlags) {
        state.withLock { state in
            state.modSeq += 1
            state.messages[place].entry.flags.formSymmetricDifference(flag)
            state.messages[place].entry.modSeq = ModSeq(state.modSeq)
        }
    }

    var uids: [UInt32] { state.withLock { $0.messages.map(\.entry.uid.rawValue) } }

    private static func record(_ state: State) -> MailboxRecord {
        MailboxRecord(
            id: mailbox,
            name: "INBOX",
            specialUse: nil,
            isSubscribed: false,
            uidValidity: UIDValidity(state.validity),
            uidNext: UID(state.uidNext),
            highestModSeq: ModSeq(state.modSeq),
            messages: state.messages.count,
            unseen: 0,
            deleted: 0,
            size: 0
        )
    }

    func entries(in mailbox: MailboxID, of account: AccountID) async throws(StoreError) -> MailboxChanges {
        try changes(since: 0)
    }

    func changes(
        in mailbox: MailboxID,
        of account: AccountID,
        since modSeq: ModSeq
    ) async throws(StoreError) -> MailboxChanges {
        try changes(since: modSeq.rawValue)
    }

    private func changes(since modSeq: Int64) throws(StoreError) -> MailboxChanges {
        let found = state.withLock { state -> MailboxChanges? in
            guard !state.isGone else { return nil }
            return MailboxChanges(
                mailbox: Self.record(state),
                changed: state.messages.map(\.entry).filter { $0.modSeq.rawValue > modSeq },
                vanished: state.vanished.filter { $0.modSeq > modSeq }.map(\.uid).sorted()
            )
        }
        guard let found else { throw .notFound }
        return found
    }

    func content(
        _ uids: UIDRanges,
        in mailbox: MailboxID,
        of account: AccountID,
        fields: ContentFields,
        limit: Int
    ) async throws(StoreError) -> [MessageContent] {
        state.withLock { state in
            state.contentReads += 1
            return state.messages.filter { message in uids.ranges.contains { $0.contains(message.entry.uid.rawValue) } }
                .prefix(limit).map {
                    MessageContent(
                        uid: $0.entry.uid,
                        email: $0.entry.email,
                        thread: ThreadID($0.entry.email.rawValue / 2),
                        summary: MessageSummary(parsing: $0.bytes)
                    )
                }
        }
    }

    func read(_ email: EmailID, of account: AccountID, range: Range<Int>) async throws(StoreError) -> ByteBuffer {
        let found = state.withLock { state -> [UInt8]? in
            state.reads += 1
            guard let message = state.messages.first(where: { $0.entry.email == email }) else { return nil }
            return Array(message.bytes[range.clamped(to: 0..<message.bytes.count)])
        }
        guard let found else { throw .notFound }
        return ByteBuffer(bytes: found)
    }

    // MARK: - What no engine test needs

    func mailboxes(of account: AccountID) async throws(StoreError) -> [MailboxRecord] { [] }
    func mailbox(named name: String, of account: AccountID) async throws(StoreError) -> MailboxRecord {
        throw .notFound
    }
    func mailbox(_ id: MailboxID, of account: AccountID) async throws(StoreError) -> MailboxRecord { throw .notFound }
    func create(
        _ name: String,
        specialUse: SpecialUse?,
        of account: AccountID
    ) async throws(StoreError) -> MailboxRecord { throw .notFound }
    func delete(_ id: MailboxID, of account: AccountID) async throws(StoreError) { throw .notFound }
    func rename(
        _ name: String,
        to newName: String,
        of account: AccountID,
        expecting id: MailboxID?
    ) async throws(StoreError) { throw .notFound }
    func setSubscribed(_ name: String, _ subscribed: Bool, of account: AccountID) async throws(StoreError) {
        throw .notFound
    }
    func subscriptions(of account: AccountID) async throws(StoreError) -> [String] { [] }
    func append(
        _ items: [AppendItem],
        to mailbox: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> AppendReceipt { throw .notFound }
    func copy(
        _ uids: UIDRanges,
        from: MailboxID,
        to: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> CopyReceipt { throw .notFound }
    func move(
        _ uids: UIDRanges,
        from: MailboxID,
        to: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> CopyReceipt { throw .notFound }
    func setFlags(
        _ uids: UIDRanges,
        in mailbox: MailboxID,
        of account: AccountID,
        change: FlagChange,
        unchangedSince: ModSeq?
    ) async throws(StoreError) -> StoreOutcome { throw .notFound }
    func expunge(_ uids: UIDRanges, in mailbox: MailboxID, of account: AccountID) async throws(StoreError) -> [UID] {
        throw .notFound
    }
}

/// A change feed that tests speak through.
final class FakeFeed: ChangeFeed {
    private let listeners = Mutex<[Int: @Sendable (Change) -> Void]>([:])

    func publish(_ changes: [Change]) {
        for change in changes {
            for listener in listeners.withLock({ Array($0.values) }) { listener(change) }
        }
    }
    func listen(to account: AccountID, _ onChange: @escaping @Sendable (Change) -> Void) -> ChangeListener {
        let number = listeners.withLock { listeners in
            listeners[listeners.count + 1] = onChange
            return listeners.count
        }
        return ChangeListener { [weak self] in self?.listeners.withLock { $0[number] = nil } }
    }
    func publishQueueWork() {}
    func listenForQueueWork(_ onWork: @escaping @Sendable () -> Void) -> ChangeListener { ChangeListener {} }
}
