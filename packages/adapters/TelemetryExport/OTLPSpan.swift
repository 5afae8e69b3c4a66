import MailPorts
import Synchronization
package import Tracing

/// A span that has ended.
struct SpanRecord: Sendable {
    var context: TraceContext
    /// Span of the parent; nil for a root.
    var parent: UInt64?
    var name: String
    var kind: SpanKind
    /// Nanoseconds since 1970.
    var start: UInt64
    var end: UInt64
    var attributes: [(key: String, value: SpanAttribute)]
    var events: [(name: String, at: UInt64)]
    var status: SpanStatus?
}

/// One span under way; ends once, whoever ends it again is not heard.
package final class OTLPSpan: Span {
    /// Attributes and events of one span.
    private static let maximumAttributes = 64
    private static let maximumEvents = 32
    /// What the HTTP client adds and is not sent: addresses with queries, where secrets may be.
    private static let withheld: Set<String> = ["url.full", "url.query"]

    private struct State {
        var name: String
        var attributes: SpanAttributes = [:]
        var events: [(name: String, at: UInt64)] = []
        var status: SpanStatus?
        var isEnded = false
    }

    package let context: ServiceContext
    /// nil when the trace is not recorded.
    private let exporter: TraceExporter?
    private let trace: TraceContext
    private let parent: UInt64?
    private let kind: SpanKind
    private let start: UInt64
    private let state: Mutex<State>

    init(
        _ name: String,
        context: ServiceContext,
        trace: TraceContext,
        parent: UInt64?,
        kind: SpanKind,
        start: UInt64,
        exporter: TraceExporter?
    ) {
        self.context = context
        self.trace = trace
        self.parent = parent
        self.kind = kind
        self.start = start
        self.exporter = exporter
        state = Mutex(State(name: name))
    }

    package var isRecording: Bool { exporter != nil }

    package var operationName: String {
        get { state.withLock { $0.name } }
        set { state.withLock { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set { if isRecording { state.withLock { $0.attributes = newValue } } }
    }

    package func setStatus(_ status: SpanStatus) { state.withLock { $0.status = status } }

    package func addEvent(_ event: SpanEvent) { add(event.name, event.nanosecondsSinceEpoch) }

    private func add(_ name: String, _ at: UInt64) {
        guard isRecording else { return }
        state.withLock { state in
            if state.events.count < Self.maximumEvents { state.events.append((name, at)) }
        }
    }

    /// The error's type, never its text.
    package func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        add("exception \(type(of: error))", instant().nanosecondsSinceEpoch)
        setStatus(SpanStatus(code: .error))
    }

    /// Links are not exported.
    package func addLink(_ link: SpanLink) {}

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let exporter else { return }
        let end = max(start, instant().nanosecondsSinceEpoch)
        let record = state.withLock { state -> SpanRecord? in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            var attributes: [(key: String, value: SpanAttribute)] = []
            // Not a sequence.
            // swift-format-ignore: ReplaceForEachWithForLoop
            state.attributes.forEach { key, value in
                if attributes.count < Self.maximumAttributes, !Self.withheld.contains(key) {
                    attributes.append((key, value))
                }
            }
            return SpanRecord(
                context: trace,
                parent: parent,
                name: state.name,
                kind: kind,
                start: start,
                end: end,
                attributes: attributes.sorted { $0.key < $1.key },
                events: state.events,
                status: state.status
            )
        }
        if let record { exporter.add(record) }
    }
}
