package import Logging
import Synchronization

/// What a health endpoint found.
package struct HealthReport: Equatable, Sendable {
    package struct Check: Equatable, Sendable, Encodable {
        package var name: String
        /// `ok`, `starting`, `stopping`, or what is wrong.
        package var status: String
        /// Whether nothing works without it; otherwise its absence only degrades.
        package var isNeeded = true
        package init(name: String, status: String, isNeeded: Bool = true) {
            (self.name, self.status, self.isNeeded) = (name, status, isNeeded)
        }

        private enum CodingKeys: String, CodingKey { case name, status }
    }

    package var checks: [Check]
    package var isHealthy: Bool { checks.allSatisfy { $0.status == "ok" || !$0.isNeeded } }
    /// Works, but not as it should.
    package var isDegraded: Bool { isHealthy && checks.contains { $0.status != "ok" } }
}

/// Knows the services of this process and what they depend on, and asks them how they are.
package final class HealthRegistry: Sendable {
    package enum ServiceState: String, Sendable { case starting, running, stopping, failed }

    package typealias Check = @Sendable () async throws -> Void

    private struct State {
        var dependencies: [String: (check: Check, isNeeded: Bool)] = [:]
        var services: [String: (state: ServiceState, needs: [String])] = [:]
        /// A check under way, by name; askers share it, so a hanging dependency holds one task, not one per request.
        var running: [String: Task<Bool, Never>] = [:]
        var answers: [String: (isGood: Bool, at: ContinuousClock.Instant)] = [:]
    }

    private let state = Mutex(State())
    private let timeout: Duration
    /// How long an answer of a dependency stands: load balancers ask every process, often.
    private let answerLifetime: Duration
    private let logger: Logger

    package init(
        timeout: Duration = .seconds(2),
        answerLifetime: Duration = .seconds(1),
        logger: Logger = Logger(label: "health")
    ) {
        self.timeout = timeout
        self.answerLifetime = answerLifetime
        self.logger = logger
    }

    /// A backend such as `database`; the check throws when it is away.
    ///
    /// - Parameter isNeeded: whether the process can do nothing without it.
    package func addDependency(_ name: String, isNeeded: Bool = true, check: @escaping Check) {
        state.withLock { $0.dependencies[name] = (check, isNeeded) }
    }

    /// A service of this process; not ready before it reports `running`.
    package func addService(_ name: String, needs: [String] = [], state initial: ServiceState = .starting) {
        state.withLock { $0.services[name] = (initial, needs) }
    }

    package func report(_ name: String, _ new: ServiceState) { state.withLock { $0.services[name]?.state = new } }

    /// Every service stops taking work.
    package func reportStopping() {
        state.withLock { state in
            for name in state.services.keys { state.services[name]?.state = .stopping }
        }
    }

    package var serviceNames: [String] { state.withLock { $0.services.keys.sorted() } }

    /// One service and what it needs; nil when this process does not have it.
    package func check(service name: String) async -> HealthReport? {
        guard let service = state.withLock({ $0.services[name] }) else { return nil }
        return await report(services: [(name, service.state)], dependencies: service.needs)
    }

    /// Everything.
    package func checkAll() async -> HealthReport {
        let (services, dependencies) = state.withLock { state in
            (state.services.map { ($0.key, $0.value.state) }.sorted { $0.0 < $1.0 }, state.dependencies.keys.sorted())
        }
        return await report(services: services, dependencies: dependencies)
    }

    /// What the process can do without.
    package func checkUnneeded() async -> HealthReport {
        let names = state.withLock { $0.dependencies.filter { !$0.value.isNeeded }.keys.sorted() }
        return await report(services: [], dependencies: names)
    }

    private func report(services: [(String, ServiceState)], dependencies: [String]) async -> HealthReport {
        var checks = services.map { HealthReport.Check(name: $0.0, status: $0.1 == .running ? "ok" : $0.1.rawValue) }
        await withTaskGroup(of: HealthReport.Check.self) { group in
            for name in dependencies {
                let isNeeded = state.withLock { $0.dependencies[name]?.isNeeded } ?? true
                group.addTask { await HealthReport.Check(name: name, status: self.ask(name), isNeeded: isNeeded) }
            }
            var found: [HealthReport.Check] = []
            for await check in group { found.append(check) }
            checks += found.sorted { $0.name < $1.name }
        }
        return HealthReport(checks: checks)
    }

    /// Asks a dependency, or joins the question already asked; gives up waiting after the time limit.
    private func ask(_ name: String) async -> String {
        guard let check = state.withLock({ $0.dependencies[name]?.check }) else { return "unknown" }
        let known = state.withLock { $0.answers[name] }
        if let known, ContinuousClock.now < known.at + answerLifetime { return known.isGood ? "ok" : "failed" }
        let task = state.withLock { state in
            if let running = state.running[name] { return running }
            // Owned by `running`; ends with the check, which its backend bounds in time.
            let task = Task { await self.perform(name, check) }
            state.running[name] = task
            return task
        }
        let first = FirstAnswer()
        let waiter = Task { await first.give(task.value ? "ok" : "failed") }
        let alarm = Task { [timeout] in
            try? await Task.sleep(for: timeout)
            await first.give("timed out")
        }
        defer {
            waiter.cancel()
            alarm.cancel()
        }
        return await first.answer
    }

    private func perform(_ name: String, _ check: Check) async -> Bool {
        var isGood = true
        do {
            try await check()
        } catch {
            isGood = false
            logger.warning("dependency failed", metadata: ["dependency": .string(name), "error": .string("\(error)")])
        }
        state.withLock { [isGood] state in
            state.running[name] = nil
            state.answers[name] = (isGood, .now)
        }
        return isGood
    }
}

/// Takes the first of several answers.
private actor FirstAnswer {
    private var given: String?
    private var waiting: [CheckedContinuation<String, Never>] = []

    func give(_ answer: String) {
        guard given == nil else { return }
        given = answer
        for one in waiting { one.resume(returning: answer) }
        waiting = []
    }

    var answer: String {
        get async {
            if let given { return given }
            return await withCheckedContinuation { waiting.append($0) }
        }
    }
}
