/// OpenTelemetry's names for which traces are recorded.
package enum TraceSampler: String, CaseIterable, Sendable {
    case alwaysOn = "always_on"
    case alwaysOff = "always_off"
    case ratio = "traceidratio"
    case parentBasedAlwaysOn = "parentbased_always_on"
    case parentBasedAlwaysOff = "parentbased_always_off"
    case parentBasedRatio = "parentbased_traceidratio"

    /// Whether traces that others began are recorded as they decided.
    package var isParentBased: Bool {
        switch self {
        case .parentBasedAlwaysOn, .parentBasedAlwaysOff, .parentBasedRatio: true
        case .alwaysOn, .alwaysOff, .ratio: false
        }
    }
}

/// Where errors and traces go, where they go anywhere.
///
/// In the order that `config list` shows. The names are those that Sentry's and OpenTelemetry's programs use.
package struct TelemetrySettings: Sendable {
    package let sentryDSN = Setting.secret(
        "SENTRY_DSN",
        .cluster,
        "https://KEY@host/PROJECT of a service that gathers errors by Sentry's protocol; without it they are in the log only"
    )
    package let sentryEnvironment = Setting.text(
        "SENTRY_ENVIRONMENT",
        .cluster,
        "production",
        "What errors are filed under: production, staging"
    )
    package let sentryRelease = Setting.text(
        "SENTRY_RELEASE",
        .cluster,
        "oonrumail",
        "The version that errors and traces are filed under"
    )
    package let traceEndpoint = Setting.optionalText(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        .cluster,
        "http://host:4318 of a collector that takes traces by OTLP over HTTP; without it none are made"
    )
    package let traceHeaders = Setting.secret(
        "OTEL_EXPORTER_OTLP_HEADERS",
        .cluster,
        "Header fields for the collector, as name=value between commas"
    )
    package let traceService = Setting.optionalText(
        "OTEL_SERVICE_NAME",
        .cluster,
        "What a process calls itself in traces; its program's name by default"
    )
    package let traceSampler = Setting.choice(
        "OTEL_TRACES_SAMPLER",
        .cluster,
        TraceSampler.parentBasedAlwaysOn,
        "Which traces are recorded"
    )
    package let traceShare = Setting.optionalText(
        "OTEL_TRACES_SAMPLER_ARG",
        .cluster,
        "Share of the traces for samplers by ratio, 0 to 1; 1 by default"
    )
}

extension PlatformSettings {
    var telemetryContradictions: [String] {
        var found: [String] = []
        if let dsn = self.sentryDSN {
            let url = ServiceURL(dsn.text, schemes: ["https", "http"])
            if url?.user?.isEmpty != false || url?.path.isEmpty != false {
                found.append("SENTRY_DSN does not read as https://KEY@host/PROJECT")
            }
        }
        if let endpoint = self.traceEndpoint,
            ServiceURL(endpoint, schemes: ["https", "http"])?.user != nil
                || ServiceURL(endpoint, schemes: ["https", "http"]) == nil
        {
            found.append("OTEL_EXPORTER_OTLP_ENDPOINT takes http://host:port or https://host:port")
        }
        if self.sampledShare == nil { found.append("OTEL_TRACES_SAMPLER_ARG takes a number, 0 to 1") }
        if self.traceHeaders != nil, self.traceHeaderFields == nil {
            found.append("OTEL_EXPORTER_OTLP_HEADERS takes name=value between commas")
        }
        return found
    }

    /// Share of the traces that begin here, 0 to 1; nil when the setting is no such number.
    package var sampledShare: Double? {
        switch self.traceSampler {
        case .alwaysOn, .parentBasedAlwaysOn: return 1
        case .alwaysOff, .parentBasedAlwaysOff: return 0
        case .ratio, .parentBasedRatio:
            guard let text = self.traceShare else { return 1 }
            return Double(text).flatMap { (0...1).contains($0) ? $0 : nil }
        }
    }

    /// nil when the setting does not read as fields.
    package var traceHeaderFields: [(String, String)]? {
        let parts = (self.traceHeaders?.text ?? "").utf8.split(separator: 44)
        let fields = parts.compactMap { part -> (String, String)? in
            let pair = part.split(separator: 61, maxSplits: 1)
            guard pair.count == 2, part.allSatisfy({ (32...126).contains($0) }) else { return nil }
            return (
                String(decoding: pair[0].filter { $0 != 32 }, as: UTF8.self), String(decoding: pair[1], as: UTF8.self)
            )
        }
        return fields.count == parts.count ? fields : nil
    }
}
