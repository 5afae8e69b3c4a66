package import MailModel
package import MailPorts
import Synchronization

/// The change feed within one process: listeners are called on the publisher's thread.
package final class MemoryChangeFeed: ChangeFeed {
    private struct State {
        var next = 0
        var listeners: [AccountID: [Int: @Sendable (Change) -> Void]] = [:]
        var queueListeners: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Accounts that somebody listens to.
    package var listenedAccounts: [AccountID] { state.withLock { Array($0.listeners.keys) } }

    package func publish(_ changes: [Change]) {
        for change in changes {
            let listeners = state.withLock { $0.listeners[change.account].map { Array($0.values) } ?? [] }
            for listener in listeners { listener(change) }
        }
    }

    package func listen(to account: AccountID, _ onChange: @escaping @Sendable (Change) -> Void) -> ChangeListener {
        let number = state.withLock { state in
            state.next += 1
            state.listeners[account, default: [:]][state.next] = onChange
            return state.next
        }
        return ChangeListener { [weak self] in
            self?.state.withLock { state in
                state.listeners[account]?[number] = nil
                if state.listeners[account]?.isEmpty == true { state.listeners[account] = nil }
            }
        }
    }

    package func publishQueueWork() {
        for listener in state.withLock({ Array($0.queueListeners.values) }) { listener() }
    }

    package func listenForQueueWork(_ onWork: @escaping @Sendable () -> Void) -> ChangeListener {
        let number = state.withLock { state in
            state.next += 1
            state.queueListeners[state.next] = onWork
            return state.next
        }
        return ChangeListener { [weak self] in
            self?.state.withLock { $0.queueListeners[number] = nil }
        }
    }
}
