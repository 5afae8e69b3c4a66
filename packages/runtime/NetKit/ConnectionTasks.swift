package import NIOCore

/// The asynchronous work that one connection's handler has under way; it ends with the connection.
///
/// Used on the connection's event loop only. What the work gives comes back there; after `cancel` nothing does.
package final class ConnectionTasks {
    private let loop: any EventLoop
    private var running: [Int: Task<Void, Never>] = [:]
    private var next = 0
    private var isCancelled = false

    package init(loop: any EventLoop) { self.loop = loop }

    /// Runs `work` off the loop and `then` on it.
    package func run<Value: Sendable>(_ work: @escaping @Sendable () async -> Value, then: @escaping (Value) -> Void) {
        guard !isCancelled else { return }
        next += 1
        let number = next
        let bound = NIOLoopBound((tasks: self, then: then), eventLoop: loop)
        let loop = self.loop
        running[number] = Task {
            let value = await work()
            loop.execute {
                let (tasks, then) = bound.value
                guard tasks.running.removeValue(forKey: number) != nil else { return }
                then(value)
            }
        }
    }

    /// The connection is gone.
    package func cancel() {
        isCancelled = true
        for task in running.values { task.cancel() }
        running = [:]
    }
}
