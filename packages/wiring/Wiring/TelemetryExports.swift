import Logging
import MailModel
import MailPorts
import NIOPosix
import PlatformConfig
import Telemetry
import TelemetryExport
import Tracing

/// Where the errors and traces of this process go beside its log; opened before anything logs, closed last.
struct TelemetryExports: Sendable {
    private(set) var errors: SentryReporter?
    /// For every log line: the trace that it belongs to.
    private(set) var facts: Logger.MetadataProvider?
    private var closing: [@Sendable () async -> Void] = []

    init(_ settings: PlatformSettings) throws(StartupError) {
        if let dsn = settings.sentryDSN {
            guard let address = SentryAddress(dsn.text) else {
                throw StartupError("SENTRY_DSN does not read as https://KEY@host/PROJECT")
            }
            report(to: address, settings)
        }
        if let endpoint = settings.traceEndpoint { trace(to: endpoint, settings) }
    }

    private mutating func report(to address: SentryAddress, _ settings: PlatformSettings) {
        let reporter = SentryReporter(
            .init(
                address: address,
                service: Self.program,
                environment: settings.sentryEnvironment,
                release: settings.sentryRelease,
                host: settings.hostname
            ),
            group: .singletonMultiThreadedEventLoopGroup,
            clock: SystemClock()
        )
        errors = reporter
        let sending = Task { await reporter.run() }
        closing.append { await reporter.stop(sending) }
    }

    private mutating func trace(to endpoint: String, _ settings: PlatformSettings) {
        let base = endpoint.utf8.last == 47 ? String(endpoint.dropLast()) : endpoint
        var options = TraceExporter.Options(
            url: base + "/v1/traces",
            service: settings.traceService ?? Self.program,
            release: settings.sentryRelease,
            host: settings.hostname
        )
        options.fields = settings.traceHeaderFields ?? []
        let exporter = TraceExporter(options, group: .singletonMultiThreadedEventLoopGroup)
        let share = settings.sampledShare ?? 1
        InstrumentationSystem.bootstrap(
            OTLPTracer(
                exporter,
                sampling: settings.traceSampler.isParentBased ? .parentBased(share: share) : .share(share)
            )
        )
        facts = Logger.MetadataProvider { TraceContext.current.map { ["trace_id": "\($0.traceText)"] } ?? [:] }
        let sending = Task { await exporter.run() }
        closing.append { await exporter.stop(sending) }
    }

    /// The executable's name: `smtp-server`, or `oonrumail` for all services in one.
    private static var program: String {
        let path = Array((CommandLine.arguments.first ?? "").utf8)
        return String(decoding: path[((path.lastIndex(of: 47) ?? -1) + 1)...], as: UTF8.self)
    }

    /// Sends what waits, within a limit.
    func close() async {
        for close in closing { await close() }
    }
}
