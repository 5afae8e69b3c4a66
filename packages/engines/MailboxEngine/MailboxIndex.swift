package import MailModel
package import MailPorts
import Synchronization

/// What one process knows of one mailbox, shared by all sessions that have it selected.
///
/// The store is asked only for what changed, and only after the change feed said that something did.
package final class MailboxIndex: Sendable {
    fileprivate struct State {
        var snapshot: MailboxSnapshot?
        /// The newest change that the feed told of and no reading has looked for.
        var announced: Int64 = 0
        /// Counts what the feed told.
        var news = 0
        /// Changes up to here are in the snapshot.
        var checked: Int64 = 0
        var isReading = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watchers: [Int: @Sendable () -> Void] = [:]
        var nextWatcher = 0
        var isGone = false
        var columns = ColumnCache()
    }

    package let account: AccountID
    package let mailbox: MailboxID
    let store: any MailboxStore
    private let state = Mutex(State())
    private let listener = Mutex<ChangeListener?>(nil)

    init(account: AccountID, mailbox: MailboxID, store: any MailboxStore) {
        self.account = account
        self.mailbox = mailbox
        self.store = store
    }

    func follow(_ feed: any ChangeFeed) {
        let mailbox = self.mailbox
        let made = feed.listen(to: account) { [weak self] change in
            if change.mailbox == mailbox { self?.announce(change.modSeq) }
        }
        listener.withLock { $0 = made }
    }

    func stopFollowing() { listener.withLock { $0 = nil } }

    private func announce(_ modSeq: ModSeq) {
        let watchers = state.withLock { state in
            state.announced = max(state.announced, modSeq.rawValue)
            state.news += 1
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher() }
    }

    /// Calls `onChange` after each change, on any thread, until `unwatch`.
    ///
    /// It must return at once.
    package func watch(_ onChange: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = onChange
            return state.nextWatcher
        }
    }

    package func unwatch(_ number: Int) { state.withLock { $0.watchers[number] = nil } }

    // MARK: - Reading

    package var byteCount: Int {
        state.withLock { ($0.snapshot?.byteCount ?? 0) + $0.columns.byteCount }
    }

    /// What is known now, without asking the store.
    package var known: MailboxSnapshot? { state.withLock { $0.snapshot } }

    /// The mailbox as it is now.
    ///
    /// - Parameter asksStore: false trusts the change feed: without news nothing is read.
    /// - Throws: `.notFound` when the mailbox is gone, for good.
    package func current(asksStore: Bool = false) async throws(StoreError) -> MailboxSnapshot {
        var mustAsk = asksStore
        while true {
            enum Turn {
                case known(MailboxSnapshot)
                case wait
                case read(since: ModSeq?, news: Int)
                case gone
            }
            let turn = state.withLock { state -> Turn in
                if state.isGone { return .gone }
                if let snapshot = state.snapshot, !mustAsk, state.announced <= state.checked { return .known(snapshot) }
                if state.isReading { return .wait }
                state.isReading = true
                return .read(since: state.snapshot?.modSeq, news: state.news)
            }
            switch turn {
            case .known(let snapshot): return snapshot
            case .gone: throw .notFound
            case .wait:
                // Another session's read began before: what it finds may be older than this call.
                await withCheckedContinuation { continuation in
                    let isOver = state.withLock { state in
                        guard state.isReading else { return true }
                        state.waiting.append(continuation)
                        return false
                    }
                    if isOver { continuation.resume() }
                }
            case .read(let since, let news):
                try await read(since: since, news: news)
                mustAsk = false
            }
        }
    }

    private func read(since: ModSeq?, news: Int) async throws(StoreError) {
        let result: Result<MailboxChanges, StoreError>
        do throws(StoreError) {
            if let since {
                result = .success(try await store.changes(in: mailbox, of: account, since: since))
            } else {
                result = .success(try await store.entries(in: mailbox, of: account))
            }
        } catch {
            result = .failure(error)
        }
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.isReading = false
            switch result {
            case .success(let changes): state.take(changes, news: news)
            case .failure(.notFound): state.isGone = true
            case .failure: ()
            }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
        _ = try result.get()
    }

    /// Takes the outcome of a STORE of this process; true when nothing else happened in between, so that no read is needed.
    package func apply(_ outcome: StoreOutcome) -> ModSeq? {
        guard let modSeq = outcome.entries.map(\.modSeq).max() else { return nil }
        return state.withLock { state in
            // The account's counter moves by one with each change, whichever mailbox it is in.
            guard let known = state.snapshot?.modSeq, known.rawValue + 1 == modSeq.rawValue, !state.isReading else {
                return nil
            }
            state.snapshot?.apply(outcome.entries, at: modSeq)
            state.checked = max(state.checked, modSeq.rawValue)
            return modSeq
        }
    }

    // MARK: - Columns

    func columns<Value>(_ body: (inout ColumnCache) -> Value) -> Value {
        state.withLock { body(&$0.columns) }
    }

    func dropColumns() { state.withLock { $0.columns = ColumnCache() } }
}

extension MailboxIndex.State {
    /// - Parameter news: how much the feed had told when the store was asked.
    fileprivate mutating func take(_ changes: MailboxChanges, news: Int) {
        guard let known = snapshot else {
            snapshot = MailboxSnapshot(changes)
            return look(upTo: changes.mailbox.highestModSeq, news: news)
        }
        // Another UIDVALIDITY, or a counter that went back: the account was made anew.
        guard known.record.uidValidity == changes.mailbox.uidValidity, changes.mailbox.highestModSeq >= known.modSeq
        else {
            isGone = true
            return
        }
        // An answer older than the snapshot brings nothing.
        if changes.mailbox.highestModSeq > known.modSeq { snapshot?.apply(changes) }
        look(upTo: changes.mailbox.highestModSeq, news: news)
    }

    /// What the store did not have when it was asked, it never had: others may tell of what is not ours.
    ///
    /// What was told since then waits for the next reading.
    private mutating func look(upTo modSeq: ModSeq, news: Int) {
        checked = max(checked, modSeq.rawValue)
        if self.news == news { announced = min(announced, checked) }
    }
}
