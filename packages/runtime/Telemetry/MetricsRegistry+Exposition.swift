import Synchronization

extension MetricsRegistry {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Every metric, by name.
    package func exposition() -> String {
        let (families, computed, help) = state.withLock { ($0.families, $0.computed, $0.help) }
        var text = ""
        for name in Set(families.keys).union(computed.keys).sorted() {
            if let metric = computed[name] {
                guard let value = metric.read() else { continue }
                text +=
                    "# HELP \(name) \(Self.helpText(metric.help))\n# TYPE \(name) \(metric.kind.rawValue)\n\(name) \(Self.number(value))\n"
                continue
            }
            guard let family = families[name] else { continue }
            if let line = help[name] { text += "# HELP \(name) \(Self.helpText(line))\n" }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                switch series {
                case .counter(let counter): text += Self.line(name, labels, counter.value)
                case .gauge(let gauge): text += Self.line(name, labels, gauge.value)
                case .histogram(let histogram): text += Self.lines(name, labels, histogram)
                }
            }
        }
        return text
    }

    private static func line(_ name: String, _ labels: String, _ value: Double) -> String {
        labels.isEmpty ? "\(name) \(number(value))\n" : "\(name){\(labels)} \(number(value))\n"
    }

    private static func lines(_ name: String, _ labels: String, _ histogram: HistogramSeries) -> String {
        let snapshot = histogram.snapshot
        let prefix = labels.isEmpty ? "" : labels + ","
        var text = ""
        var total: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, snapshot.counts) {
            total += count
            text += "\(name)_bucket{\(prefix)le=\"\(number(bound))\"} \(total)\n"
        }
        total += snapshot.counts.last ?? 0
        text += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(total)\n"
        return text + line("\(name)_sum", labels, snapshot.sum) + line("\(name)_count", labels, Double(total))
    }

    private static func helpText(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 32 || $0 == 92 ? 32 : $0 }, as: UTF8.self)
    }

    /// Whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 9e15 ? "\(Int64(value))" : "\(value)"
    }
}
