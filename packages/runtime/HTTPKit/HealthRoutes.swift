package import Telemetry

/// `/health`, `/ready`, `/health/{service}` and `/metrics`.
package enum HealthRoutes {
    private struct Document: Encodable {
        var status: String
        var checks: [HealthReport.Check]?
    }

    package static func routes(_ registry: HealthRegistry, metrics: MetricsRegistry?) -> RouteSet {
        var set = RouteSet()
        // Liveness: this process answers. A dead database must not restart every replica; what mail flows without is named.
        set.get("/health") { _ in
            let report = await registry.checkUnneeded()
            return try .json(Document(status: word(report), checks: report.checks.isEmpty ? nil : report.checks))
        }
        set.get("/ready") { _ in try answer(await registry.checkAll()) }
        set.get("/health/{service}") { request in
            guard let report = await registry.check(service: request.parameter("service")) else {
                throw Problem.notFound("This process has no such service.")
            }
            return try answer(report)
        }
        if let metrics {
            set.get("/metrics") { _ in .text(metrics.exposition(), contentType: MetricsRegistry.contentType) }
        }
        describe(&set)
        return set
    }

    private static func describe(_ set: inout RouteSet) {
        let report = Schema.object(["status": .text, "checks": .optional(.list(.map(.anything)))])
        let meanings = [
            "/health": "Whether this process answers; what mail flows without is named",
            "/ready": "Whether everything that this process needs is there",
            "/health/{service}": "Whether one service of this process is well",
        ]
        for (path, meaning) in meanings {
            set.describe(
                "GET",
                path,
                RouteDescription(
                    meaning,
                    isOpen: true,
                    answers: [200: "It is", 503: "It is not"],
                    schemas: [200: report]
                )
            )
        }
        guard set.routes.contains(where: { $0.path == "/metrics" }) else { return }
        set.describe(
            "GET",
            "/metrics",
            RouteDescription("Metrics in the text form of Prometheus", isOpen: true, answers: [200: "They"])
        )
    }

    /// 200, or 503 that names what is dead.
    package static func answer(_ report: HealthReport) throws -> APIResponse {
        guard report.isHealthy else {
            let names = report.checks.filter { $0.status != "ok" && $0.isNeeded }.map { "\($0.name) (\($0.status))" }
                .joined(
                    separator: ", "
                )
            throw Problem(503, detail: "Not ready: \(names).", checks: report.checks, headers: ["Retry-After": "5"])
        }
        return try .json(Document(status: word(report), checks: report.checks))
    }

    private static func word(_ report: HealthReport) -> String { report.isDegraded ? "degraded" : "ok" }
}
