package import Tracing

/// Where in which trace something happens, as it crosses processes (W3C Trace Context §3.2).
package struct TraceContext: Hashable, Sendable {
    /// 16 octets, not all zero.
    package var trace: (high: UInt64, low: UInt64)
    /// Of the span that this is within; not zero.
    package var span: UInt64
    /// Whether spans of the trace are recorded.
    package var isSampled: Bool

    package init(trace: (high: UInt64, low: UInt64), span: UInt64, isSampled: Bool) {
        (self.trace, self.span, self.isSampled) = (trace, span, isSampled)
    }

    package static func == (left: TraceContext, right: TraceContext) -> Bool {
        left.trace == right.trace && left.span == right.span && left.isSampled == right.isSampled
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(trace.high)
        hasher.combine(trace.low)
        hasher.combine(span)
    }

    /// `00-TRACE-SPAN-FLAGS`, later versions as far as they are alike; nil for anything else.
    package init?(traceparent: String) {
        let parts = traceparent.utf8.prefix(200).split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].count == 2, parts[1].count == 32, parts[2].count == 16, parts[3].count == 2,
            let version = Self.number(parts[0]), version != 255, version != 0 || parts.count == 4,
            let high = Self.number(parts[1].prefix(16)), let low = Self.number(parts[1].suffix(16)),
            let span = Self.number(parts[2]), let flags = Self.number(parts[3]), (high, low) != (0, 0), span != 0
        else { return nil }
        self.init(trace: (high, low), span: span, isSampled: flags & 1 == 1)
    }

    package var traceparent: String { "00-\(traceText)-\(Self.text(span))-0\(isSampled ? 1 : 0)" }

    /// 32 lower-case hexadecimal digits.
    package var traceText: String { Self.text(trace.high) + Self.text(trace.low) }
    /// 16 lower-case hexadecimal digits.
    package var spanText: String { Self.text(span) }

    package static func text(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    /// Lower-case hexadecimal digits only.
    private static func number(_ digits: some Sequence<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case 48...57: value = value << 4 | UInt64(digit - 48)
            case 97...102: value = value << 4 | UInt64(digit - 87)
            default: return nil
            }
        }
        return value
    }

    /// Of the task that asks; nil outside of every trace.
    package static var current: TraceContext? { ServiceContext.current?.trace }
}

private enum TraceContextKey: ServiceContextKey {
    typealias Value = TraceContext
}

extension ServiceContext {
    /// The trace that a task is part of.
    package var trace: TraceContext? {
        get { self[TraceContextKey.self] }
        set { self[TraceContextKey.self] = newValue }
    }
}

/// What a span is to those around it.
package enum SpanRole: Sendable {
    /// Answers a client.
    case server
    /// Asks a server.
    case client
    /// Does what was queued.
    case consumer
    case inner

    fileprivate var kind: SpanKind {
        switch self {
        case .server: .server
        case .client: .client
        case .consumer: .consumer
        case .inner: .internal
        }
    }
}

/// Where a span belongs.
package enum TraceParent: Sendable {
    /// The span that the task is in; outside of every trace nothing is recorded.
    case current
    /// A trace of its own, or the task's where it is in one.
    case root
    /// The span that a message or request brought along; a trace of its own when it brought none.
    case remote(TraceContext?)
}

/// Runs the work in a span.
///
/// Costs a look at the task's context where no traces are recorded.
///
/// - Parameters:
///   - name: few different ones: no addresses, no identifiers.
///   - attributes: made only when the span is recorded; nothing that tells who writes to whom.
package func traced<Value: Sendable, Failure: Error>(
    _ name: String,
    kind: SpanRole = .inner,
    parent: TraceParent = .current,
    attributes: @autoclosure () -> [String: String] = [:],
    _ work: () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    var context = ServiceContext.current ?? .topLevel
    switch parent {
    case .current where context.trace == nil: return try await work()
    case .current, .root: ()
    case .remote(let trace): context.trace = trace
    }
    let span = InstrumentationSystem.tracer.startAnySpan(name, context: context, ofKind: kind.kind)
    if span.isRecording {
        span.attributes = SpanAttributes(attributes().mapValues { .string($0) })
    }
    let result: Result<Value, Failure> = await ServiceContext.$current.withValue(span.context) {
        do throws(Failure) {
            return .success(try await work())
        } catch {
            return .failure(error)
        }
    }
    if case .failure(let error) = result {
        span.setStatus(SpanStatus(code: .error, message: "\(type(of: error))"))
    }
    span.end()
    return try result.get()
}
