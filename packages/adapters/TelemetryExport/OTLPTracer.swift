import MailPorts
package import Tracing

/// Makes spans, decides which traces are recorded, and reads and writes `traceparent`.
package struct OTLPTracer: Tracer {
    package enum Sampling: Sendable {
        /// Traces of others as they decided; of those that begin here that share, 0 to 1.
        case parentBased(share: Double)
        /// That share of all traces, whatever others decided.
        case share(Double)
    }

    /// W3C Trace Context §3.2.
    static let header = "traceparent"

    private let exporter: TraceExporter
    private let sampling: Sampling

    package init(_ exporter: TraceExporter, sampling: Sampling) {
        (self.exporter, self.sampling) = (exporter, sampling)
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> OTLPSpan {
        var context = context()
        let parent = context.trace
        let number = parent?.trace ?? (.random(in: 1 ... .max), .random(in: 1 ... .max))
        let trace = TraceContext(
            trace: number,
            span: .random(in: 1 ... .max),
            isSampled: isSampled(parent, number.low)
        )
        context.trace = trace
        return OTLPSpan(
            operationName,
            context: context,
            trace: trace,
            parent: parent?.span,
            kind: kind,
            start: instant().nanosecondsSinceEpoch,
            exporter: trace.isSampled ? exporter : nil
        )
    }

    /// By the trace's own number, so that every process decides alike.
    private func isSampled(_ parent: TraceContext?, _ number: UInt64) -> Bool {
        let share: Double
        switch sampling {
        case .parentBased(let given):
            if let parent { return parent.isSampled }
            share = given
        case .share(let given): share = given
        }
        return Double(number >> 11) < share * 9_007_199_254_740_992
    }

    package func forceFlush() {}

    package func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let text = extractor.extract(key: Self.header, from: carrier) else { return }
        context.trace = TraceContext(traceparent: text)
    }

    package func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let trace = context.trace else { return }
        injector.inject(trace.traceparent, forKey: Self.header, into: &carrier)
    }
}
