import HTTPKit
import MailPorts
import MailTesting
import StorageServer
import Synchronization
import Telemetry
import Testing

@Suite struct HealthTests {
    @Test func aServiceIsHealthyWhenItRunsAndItsDependenciesDo() async throws {
        let operations = FakeOperations()
        let registry = HealthRegistry(answerLifetime: .zero)
        StorageHealth.register(operations, in: registry)
        registry.addService("smtp", needs: ["database"])
        let metrics = MetricsRegistry()
        metrics.gauge("oonrumail_up", help: "Up") { 1 }
        try await withServer([HealthRoutes.routes(registry, metrics: metrics)]) { client async throws in
            #expect(try await client.send("GET", "/health").status == 200)
            let starting = try await client.send("GET", "/ready")
            #expect(
                starting.status == 503 && starting.json("detail") == "Not ready: smtp (starting), storage (starting)."
            )
            registry.report("smtp", .running)
            registry.report("storage", .running)
            #expect(try await client.send("GET", "/ready").status == 200)
            #expect(try await client.send("GET", "/health/smtp").body.contains(#"{"name":"database","status":"ok"}"#))
            #expect(try await client.send("GET", "/health/nothing").status == 404)

            operations.put(health: .unavailable(reportID: "secret cause"))
            let dead = try await client.send("GET", "/health/smtp")
            #expect(dead.status == 503 && dead.json("detail") == "Not ready: database (failed).")
            #expect(!dead.body.contains("secret cause"))
            #expect(try await client.send("GET", "/health").status == 200)

            let metricsAnswer = try await client.send("GET", "/metrics")
            #expect(
                metricsAnswer.headers["content-type"] == MetricsRegistry.contentType
                    && metricsAnswer.body.contains("oonrumail_up 1\n")
            )
        }
    }

    @Test func aHangingDependencyCostsOneTaskAndTheTimeLimit() async {
        let registry = HealthRegistry(timeout: .milliseconds(20))
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        registry.addDependency("database") {
            started.yield()
            for await _ in stream { return }
        }
        registry.addService("imap", needs: ["database"], state: .running)
        for _ in 0..<3 {
            #expect(await registry.check(service: "imap")?.checks.map(\.status) == ["ok", "timed out"])
        }
        continuation.yield()
        started.finish()
        var count = 0
        for await _ in starts { count += 1 }
        #expect(count == 1)
    }

    @Test func anAnswerStandsForItsLifetime() async {
        let asked = Mutex(0)
        func ask(_ lifetime: Duration) async -> Int {
            let registry = HealthRegistry(answerLifetime: lifetime)
            registry.addDependency("database") { asked.withLock { $0 += 1 } }
            asked.withLock { $0 = 0 }
            for _ in 0..<3 { #expect(await registry.checkAll().isHealthy) }
            return asked.withLock { $0 }
        }
        #expect(await ask(.seconds(3_600)) == 1)
        #expect(await ask(.zero) == 3)
    }

    @Test func aStopIsSeenAtOnce() async {
        let registry = HealthRegistry()
        registry.addService("imap", state: .running)
        #expect(await registry.checkAll().isHealthy)
        registry.reportStopping()
        #expect(await registry.checkAll().checks.map(\.status) == ["stopping"])
    }

    @Test func theSweepAsksForOrphansAndOldTraces() async throws {
        let operations = FakeOperations()
        let clock = ManualClock()
        await BlobSweepService(maintenance: operations, trace: operations, answers: FakeKeptAnswers(), clock: clock)
            .sweep()
        #expect(operations.calls == ["sweep 86400", "prune \(1_700_000_000 - 2_592_000)"])
    }
}
