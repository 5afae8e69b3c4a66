import Logging
package import MailModel
import Metrics
package import NIOCore
import NIOHTTP1
import Synchronization
package import Telemetry

/// Sends errors to a service that speaks Sentry's envelope protocol.
///
/// Mail never waits for it: what does not fit into the queue is dropped and counted, and a service that is away or has enough is left alone.
package final class SentryReporter: ErrorReporting {
    package struct Options: Sendable {
        package var address: SentryAddress
        package var service: String
        package var environment: String
        package var release: String
        package var host: String
        /// Errors that wait.
        package var queue = 100
        /// Seconds within which the same error of the same logger goes once.
        package var repeatSeconds: Int64 = 60
        /// Kinds of errors that are told apart within that time.
        package var kinds = 1_000
        package var timeout = TimeAmount.seconds(5)
        /// How long a stop waits for what is in the queue.
        package var flush: Duration = .seconds(2)
        package init(
            address: SentryAddress,
            service: String,
            environment: String,
            release: String,
            host: String
        ) {
            self.address = address
            self.service = service
            self.environment = environment
            self.release = release
            self.host = host
        }
    }

    private struct State {
        var lastSent: [String: Timestamp] = [:]
        /// No event goes before.
        var quietUntil = Timestamp(microseconds: 0)
    }

    private let options: Options
    private let clock: any WallClock
    private let client: ExportClient
    private let waiting: AsyncStream<ErrorReport>
    private let entry: AsyncStream<ErrorReport>.Continuation
    private let state = Mutex(State())

    package init(_ options: Options, group: any EventLoopGroup, clock: any WallClock) {
        self.options = options
        self.clock = clock
        client = ExportClient(group: group, timeout: options.timeout)
        (waiting, entry) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(options.queue))
    }

    package func report(_ error: ErrorReport) {
        guard isNew(error) else { return count("repeated") }
        switch entry.yield(error) {
        case .dropped, .terminated: count("dropped")
        case .enqueued: ()
        @unknown default: ()
        }
    }

    private func isNew(_ error: ErrorReport) -> Bool {
        let kind = "\(error.label)\n\(error.message)"
        return state.withLock { state in
            if let last = state.lastSent[kind], error.at < last.adding(seconds: options.repeatSeconds) { return false }
            if state.lastSent.count >= options.kinds {
                state.lastSent = state.lastSent.filter { error.at < $0.value.adding(seconds: options.repeatSeconds) }
            }
            guard state.lastSent.count < options.kinds else { return false }
            state.lastSent[kind] = error.at
            return true
        }
    }

    /// Sends until `stop`, or until the task is cancelled.
    package func run() async {
        for await error in waiting { await send(error) }
    }

    /// Takes no more, sends what waits within the limit, and ends the connections.
    package func stop(_ running: Task<Void, Never>) async {
        entry.finish()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await running.value }
            group.addTask { [options] in try? await Task.sleep(for: options.flush) }
            await group.next()
            running.cancel()
            group.cancelAll()
        }
        await client.close()
    }

    private func send(_ error: ErrorReport) async {
        let now = clock.now()
        guard state.withLock({ now >= $0.quietUntil }) else { return count("dropped") }
        let id = Self.eventID()
        let body = SentryEnvelope.bytes(
            error,
            id: id,
            sentAt: now,
            .init(
                service: options.service,
                environment: options.environment,
                release: options.release,
                host: options.host
            )
        )
        let authorization =
            "Sentry sentry_version=7, sentry_client=oonrumail/1.0, sentry_key=\(options.address.publicKey)"
        do {
            let answer = try await client.post(
                options.address.url,
                [("Content-Type", "application/x-sentry-envelope"), ("X-Sentry-Auth", authorization)],
                body
            )
            note(answer, now)
            count((200..<300).contains(answer.status) ? "sent" : "refused")
        } catch {
            // Nothing is logged: an error about errors would be one more.
            state.withLock { $0.quietUntil = now.adding(seconds: 10) }
            count("failed")
        }
    }

    /// The service says when it has enough: `X-Sentry-Rate-Limits`, or 429 with `Retry-After`.
    private func note(_ answer: ExportClient.Answer, _ now: Timestamp) {
        var seconds = Self.quietSeconds(answer.fields.first(name: "X-Sentry-Rate-Limits") ?? "")
        if answer.status == 429 {
            let given = answer.fields.first(name: "Retry-After").flatMap { Int64($0) } ?? 60
            seconds = max(seconds, given)
        }
        guard seconds > 0 else { return }
        let until = now.adding(seconds: min(seconds, 86_400))
        state.withLock { $0.quietUntil = max($0.quietUntil, until) }
    }

    /// `60:error;default:organization, 300:transaction:key`: the longest that concerns errors, or everything.
    static func quietSeconds(_ field: String) -> Int64 {
        field.utf8.split(separator: UInt8(ascii: ",")).reduce(0) { longest, limit in
            let parts = limit.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
                String(decoding: $0.filter { $0 > 32 }, as: UTF8.self)
            }
            guard let seconds = parts.first.flatMap({ Int64($0) }), parts.count >= 2 else { return longest }
            let categories = parts[1].utf8.split(separator: UInt8(ascii: ";")).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard categories.isEmpty || categories.contains("error") else { return longest }
            return max(longest, seconds)
        }
    }

    private static func eventID() -> String {
        (0..<2).map { _ in
            let text = String(UInt64.random(in: 0 ... .max), radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }.joined()
    }

    private func count(_ outcome: String) {
        Counter(label: "oonrumail_error_reports_total", dimensions: [("outcome", outcome)]).increment()
    }
}
