import Metrics
package import NIOCore
import Synchronization
import Telemetry
import Tracing

/// Sends ended spans to a collector by OTLP over HTTP, in JSON, some at a time.
///
/// What does not fit into the buffer is dropped and counted; a collector that is away costs the spans of that time, no more.
package final class TraceExporter: Sendable {
    package struct Options: Sendable {
        /// Of the traces' endpoint, with its path.
        package var url: String
        /// Fields of every request beside, such as an authorization.
        package var fields: [(String, String)] = []
        package var service: String
        package var release: String
        package var host: String
        /// Spans that wait.
        package var buffer = 4_096
        /// Spans of one request.
        package var batch = 512
        package var interval: Duration = .seconds(1)
        package var timeout = TimeAmount.seconds(5)
        /// How long a stop waits for what is left.
        package var flush: Duration = .seconds(2)
        package init(url: String, service: String, release: String, host: String) {
            self.url = url
            self.service = service
            self.release = release
            self.host = host
        }
    }

    private let options: Options
    private let client: ExportClient
    private let waiting = Mutex<[SpanRecord]>([])

    package init(_ options: Options, group: any EventLoopGroup) {
        self.options = options
        client = ExportClient(group: group, timeout: options.timeout)
    }

    func add(_ span: SpanRecord) {
        let isTaken = waiting.withLock { waiting in
            guard waiting.count < options.buffer else { return false }
            waiting.append(span)
            return true
        }
        if !isTaken { Self.count("dropped", 1) }
    }

    /// Sends until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: options.interval)
            } catch {
                return
            }
            await sendAll()
        }
    }

    /// Sends what is left within the limit, and ends the connections.
    package func stop(_ running: Task<Void, Never>) async {
        running.cancel()
        await running.value
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.sendAll() }
            group.addTask { [options] in try? await Task.sleep(for: options.flush) }
            await group.next()
            group.cancelAll()
        }
        await client.close()
    }

    private func sendAll() async {
        var left = waiting.withLock { waiting in
            let taken = waiting
            waiting = []
            return taken[...]
        }
        while !left.isEmpty, !Task.isCancelled {
            let batch = left.prefix(options.batch)
            left = left.dropFirst(batch.count)
            await send(Array(batch))
        }
    }

    private func send(_ spans: [SpanRecord]) async {
        let body = OTLPDocument.bytes(spans, service: options.service, release: options.release, host: options.host)
        do {
            let answer = try await client.post(
                options.url,
                [("Content-Type", "application/json")] + options.fields,
                body
            )
            Self.count((200..<300).contains(answer.status) ? "sent" : "refused", spans.count)
        } catch {
            Self.count("failed", spans.count)
        }
    }

    private static func count(_ outcome: String, _ spans: Int) {
        Counter(label: "oonrumail_trace_spans_total", dimensions: [("outcome", outcome)]).increment(by: spans)
    }
}
