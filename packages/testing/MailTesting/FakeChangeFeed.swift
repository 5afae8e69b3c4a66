package import MailModel
package import MailPorts
import Synchronization

/// A feed that hands queue work on and keeps the changes published.
package final class FakeChangeFeed: ChangeFeed {
    private struct State {
        var published: [Change] = []
        var next = 0
        var listeners: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())
    package init() {}

    package var published: [Change] { state.withLock { $0.published } }
    package var queueListeners: Int { state.withLock { $0.listeners.count } }

    package func publish(_ changes: [Change]) { state.withLock { $0.published += changes } }
    package func listen(to account: AccountID, _ onChange: @escaping @Sendable (Change) -> Void) -> ChangeListener {
        ChangeListener {}
    }

    package func publishQueueWork() {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener() }
    }

    package func listenForQueueWork(_ onWork: @escaping @Sendable () -> Void) -> ChangeListener {
        let number = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = onWork
            return state.next
        }
        return ChangeListener { [weak self] in self?.state.withLock { $0.listeners[number] = nil } }
    }
}
