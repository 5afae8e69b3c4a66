import Metrics
import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test func countersGaugesAndComputedValues() {
        let registry = MetricsRegistry()
        registry.describe("oonrumail_smtp_messages_accepted_total", "Messages accepted")
        Counter(label: "oonrumail_smtp_messages_accepted", dimensions: [("role", "relay")], factory: registry)
            .increment(by: 2)
        Counter(label: "oonrumail_smtp_messages_accepted_total", dimensions: [("role", "relay")], factory: registry)
            .increment()
        Gauge(label: "open.connections", factory: registry).record(7)
        registry.gauge("oonrumail_queue_depth", help: "Rows") { 3.5 }
        #expect(
            registry.exposition() == """
                # HELP oonrumail_queue_depth Rows
                # TYPE oonrumail_queue_depth gauge
                oonrumail_queue_depth 3.5
                # HELP oonrumail_smtp_messages_accepted_total Messages accepted
                # TYPE oonrumail_smtp_messages_accepted_total counter
                oonrumail_smtp_messages_accepted_total{role="relay"} 3
                # TYPE open_connections gauge
                open_connections 7

                """
        )
    }

    @Test func timersAreHistogramsInSeconds() {
        let registry = MetricsRegistry()
        let timer = Timer(label: "oonrumail_commit", factory: registry)
        timer.recordMilliseconds(3)
        timer.recordSeconds(1_000)
        let text = registry.exposition()
        #expect(text.contains("oonrumail_commit_seconds_bucket{le=\"0.0025\"} 0\n"))
        #expect(text.contains("oonrumail_commit_seconds_bucket{le=\"0.005\"} 1\n"))
        #expect(text.contains("oonrumail_commit_seconds_bucket{le=\"300\"} 1\n"))
        #expect(text.contains("oonrumail_commit_seconds_bucket{le=\"+Inf\"} 2\n"))
        #expect(text.contains("oonrumail_commit_seconds_count 2\n"))
        #expect(text.contains("oonrumail_commit_seconds_sum 1000.003\n"))
    }

    @Test func labelsAreEscapedAndTheirNumberIsBounded() {
        let registry = MetricsRegistry()
        Counter(label: "refused", dimensions: [("why", "a\"b\\c\nd")], factory: registry).increment()
        #expect(registry.exposition().contains(#"refused_total{why="a\"b\\c\nd"} 1"#))
        for number in 0..<(MetricsRegistry.seriesLimit * 2) {
            Counter(label: "seen", dimensions: [("who", "\(number)")], factory: registry).increment()
        }
        let text = registry.exposition()
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("seen_total{") }
        #expect(lines.count == MetricsRegistry.seriesLimit + 1)
        #expect(text.contains("seen_total{who=\"other\"} \(MetricsRegistry.seriesLimit)\n"))
    }

    @Test func aNameKeepsItsKind() {
        let registry = MetricsRegistry()
        Gauge(label: "x_total", factory: registry).record(1)
        Counter(label: "x", factory: registry).increment()
        #expect(registry.exposition() == "# TYPE x_total gauge\nx_total 1\n")
    }

    @Test func theProcessIsMeasured() {
        let registry = MetricsRegistry()
        ProcessMetrics.register(in: registry)
        let text = registry.exposition()
        for name in [
            "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds",
            "process_cpu_seconds_total",
        ] {
            #expect(text.contains("\(name) "))
        }
    }
}
