package import Logging
import Metrics

/// Sets up logging and metrics of the process, once, before anything logs.
package enum TelemetrySystem {
    /// Returns the registry that `/metrics` shows.
    package static func bootstrap(
        level: Logger.Level,
        format: LineLogHandler.Format,
        errors: (any ErrorReporting)? = nil,
        facts: Logger.MetadataProvider? = nil
    ) -> MetricsRegistry {
        LoggingSystem.bootstrap(
            { label, provider in
                LineLogHandler(
                    label: label,
                    level: level,
                    format: format,
                    errors: errors,
                    metadataProvider: provider
                )
            },
            metadataProvider: facts
        )
        let registry = MetricsRegistry()
        MetricsSystem.bootstrap(registry)
        ProcessMetrics.register(in: registry)
        return registry
    }
}
