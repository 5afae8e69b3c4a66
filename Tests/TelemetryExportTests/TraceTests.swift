import MailPorts
import NIOPosix
import Testing
import Tracing

@testable import TelemetryExport

@Suite struct TraceTests {
    private let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `a traceparent is read and written`() throws {
        let trace = try #require(TraceContext(traceparent: parent))
        #expect(trace.traceText == "4bf92f3577b34da6a3ce929d0e0e4736" && trace.spanText == "00f067aa0ba902b7")
        #expect(trace.isSampled && trace.traceparent == parent)
        // A later version may have more behind it (W3C Trace Context §3.2.4).
        #expect(TraceContext(traceparent: "01" + parent.dropFirst(2) + "-what-comes")?.traceText == trace.traceText)
    }

    @Test(arguments: [
        "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473\u{301}-00f067aa0ba902b7-01",
    ])
    func `what is no traceparent is none`(_ text: String) { #expect(TraceContext(traceparent: text) == nil) }

    private func tracer(_ sampling: OTLPTracer.Sampling) -> OTLPTracer {
        let options = TraceExporter.Options(url: "http://127.0.0.1:9/", service: "x", release: "x", host: "x")
        return OTLPTracer(TraceExporter(options, group: .singletonMultiThreadedEventLoopGroup), sampling: sampling)
    }

    private func span(_ tracer: OTLPTracer, _ traceparent: String? = nil) -> OTLPSpan {
        var context = ServiceContext.topLevel
        context.trace = traceparent.flatMap { TraceContext(traceparent: $0) }
        return tracer.startSpan("x", context: context)
    }

    @Test func `whoever began the trace decides whether it is recorded`() {
        #expect(span(tracer(.parentBased(share: 0)), parent).isRecording)
        #expect(!span(tracer(.parentBased(share: 1)), parent.dropLast() + "0").isRecording)
        #expect(!span(tracer(.parentBased(share: 0))).isRecording && span(tracer(.parentBased(share: 1))).isRecording)
        #expect(span(tracer(.share(1)), parent.dropLast() + "0").isRecording)
    }

    @Test func `a share of the traces is that share`() {
        let tracer = tracer(.parentBased(share: 0.25))
        let recorded = (0..<4_000).count { _ in span(tracer).isRecording }
        #expect((800...1_200).contains(recorded))
    }

    @Test func `a child is of the same trace and names its parent`() throws {
        let child = span(tracer(.share(1)), parent)
        let trace = try #require(child.context.trace)
        #expect(trace.traceText == "4bf92f3577b34da6a3ce929d0e0e4736" && trace.spanText != "00f067aa0ba902b7")
    }
}
