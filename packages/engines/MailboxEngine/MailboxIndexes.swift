package import MailModel
package import MailPorts
import Synchronization

/// The indexes of one process: shared by mailbox, kept while selected, and for a while after within a bound of memory.
package final class MailboxIndexes: Sendable {
    private struct Key: Hashable {
        var account: AccountID
        var mailbox: MailboxID
    }
    private struct Slot {
        var index: MailboxIndex
        var users: Int
        var lastUsed: Int
    }
    private struct State {
        var slots: [Key: Slot] = [:]
        var clock = 0
    }

    let store: any MailboxStore
    private let feed: any ChangeFeed
    private let budget: Int
    private let state = Mutex(State())

    /// - Parameter budget: octets of memory from which indexes of mailboxes that nobody has selected go, oldest first.
    package init(store: any MailboxStore, feed: any ChangeFeed, budget: Int = 64 << 20) {
        self.store = store
        self.feed = feed
        self.budget = budget
    }

    /// The index of a mailbox, for as long as the lease lives.
    package func lease(_ mailbox: MailboxID, of account: AccountID) -> MailboxLease {
        let key = Key(account: account, mailbox: mailbox)
        let index = state.withLock { state in
            state.clock += 1
            let known = state.slots[key]
            let index = known?.index ?? MailboxIndex(account: account, mailbox: mailbox, store: store)
            state.slots[key] = Slot(index: index, users: (known?.users ?? 0) + 1, lastUsed: state.clock)
            // Before anybody else has it: what is not followed yet may miss a change.
            if known == nil { index.follow(feed) }
            return index
        }
        return MailboxLease(index: index, indexes: self)
    }

    fileprivate func release(_ index: MailboxIndex) {
        let key = Key(account: index.account, mailbox: index.mailbox)
        state.withLock { state in
            guard state.slots[key]?.index === index else { return }
            state.slots[key]?.users -= 1
        }
        makeRoom()
    }

    /// Forgets an index whose mailbox is gone: the next lease reads anew.
    package func forget(_ index: MailboxIndex) {
        let key = Key(account: index.account, mailbox: index.mailbox)
        state.withLock { state in
            if state.slots[key]?.index === index { state.slots[key] = nil }
        }
        index.stopFollowing()
    }

    /// Drops what is not in use, oldest first, until the rest fits; then cached text of mailboxes in use.
    package func makeRoom() {
        let dropped = state.withLock { state -> [MailboxIndex] in
            var sizes = state.slots.mapValues(\.index.byteCount)
            var total = sizes.values.reduce(0, +)
            guard total > budget else { return [] }
            var dropped: [MailboxIndex] = []
            for (key, slot) in state.slots.filter({ $0.value.users == 0 }).sorted(by: {
                $0.value.lastUsed < $1.value.lastUsed
            }) {
                guard total > budget else { break }
                total -= sizes[key] ?? 0
                sizes[key] = nil
                state.slots[key] = nil
                dropped.append(slot.index)
            }
            for (key, slot) in state.slots.sorted(by: { $0.value.lastUsed < $1.value.lastUsed }) where total > budget {
                slot.index.dropColumns()
                total -= (sizes[key] ?? 0) - slot.index.byteCount
            }
            return dropped
        }
        for index in dropped { index.stopFollowing() }
    }

    /// Octets that cached text may still grow by.
    func room() -> Int {
        state.withLock { state in budget - state.slots.values.reduce(0) { $0 + $1.index.byteCount } }
    }

    package var byteCount: Int {
        state.withLock { state in state.slots.values.reduce(0) { $0 + $1.index.byteCount } }
    }
}

/// Keeps an index alive and followed.
package final class MailboxLease: Sendable {
    package let index: MailboxIndex
    package let indexes: MailboxIndexes

    init(index: MailboxIndex, indexes: MailboxIndexes) {
        self.index = index
        self.indexes = indexes
    }

    deinit { indexes.release(index) }

    /// Reads messages of the account whose mailbox it is.
    package var reader: MessageReader { MessageReader(store: index.store, account: index.account) }

    /// Stored parts, as `MailboxStore` gives them.
    package func content(
        _ uids: UIDRanges,
        fields: ContentFields,
        limit: Int
    ) async throws(StoreError) -> [MessageContent] {
        try await index.store.content(uids, in: index.mailbox, of: index.account, fields: fields, limit: limit)
    }
}
