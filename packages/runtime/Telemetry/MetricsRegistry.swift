package import Metrics
import Synchronization

/// Keeps every metric of the process and writes the Prometheus text format (version 0.0.4).
///
/// Asking twice for one name and one set of labels gives the same series. A metric has at most `seriesLimit` series: further
/// label sets are counted together under `other`, so what a client chooses can never fill the memory.
package final class MetricsRegistry: MetricsFactory {
    package static let seriesLimit = 200

    enum Series {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)
    }

    enum Kind: String {
        case counter, gauge, histogram
    }

    struct Family {
        var kind: Kind
        var help: String?
        /// By the label text, such as `service="smtp"`.
        var series: [String: Series] = [:]
    }

    struct Computed {
        var kind: Kind
        var help: String
        var read: @Sendable () -> Double?
    }

    struct State {
        var families: [String: Family] = [:]
        var computed: [String: Computed] = [:]
        var help: [String: String] = [:]
    }

    let state = Mutex(State())

    package init() {}

    /// Text of the `# HELP` line.
    package func describe(_ name: String, _ help: String) { state.withLock { $0.help[Self.sanitised(name)] = help } }

    /// A gauge that is read when the metrics are; the closure must return at once.
    package func gauge(_ name: String, help: String, read: @escaping @Sendable () -> Double?) {
        state.withLock { $0.computed[Self.sanitised(name)] = Computed(kind: .gauge, help: help, read: read) }
    }

    package func counter(_ name: String, help: String, read: @escaping @Sendable () -> Double?) {
        state.withLock { $0.computed[Self.sanitised(name)] = Computed(kind: .counter, help: help, read: read) }
    }

    // MARK: - MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counterSeries(label, dimensions)
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        counterSeries(label, dimensions)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gaugeSeries(label, dimensions)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return gaugeSeries(label, dimensions) }
        let name = Self.sanitised(label)
        let bounds =
            name.utf8.reversed().starts(with: "_bytes".utf8.reversed())
            ? HistogramSeries.octets : HistogramSeries.counts
        return histogramSeries(name, dimensions, bounds)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogramSeries(Self.suffixed(Self.sanitised(label), "_seconds"), dimensions, HistogramSeries.seconds)
    }

    // Counters and histograms live as long as the process: one that vanished and came back would look like a restart. A
    // gauge goes with what it measured.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler as? GaugeSeries) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler as? GaugeSeries) }
    package func destroyTimer(_ handler: any TimerHandler) {}

    // MARK: - Series

    private func remove(_ gauge: GaugeSeries?) {
        guard let gauge else { return }
        state.withLock { state in
            for (name, family) in state.families where family.kind == .gauge {
                let place = family.series.first { _, series in
                    guard case .gauge(let other) = series else { return false }
                    return other === gauge
                }
                if let place { state.families[name]?.series[place.key] = nil }
            }
        }
    }

    private func counterSeries(_ label: String, _ dimensions: [(String, String)]) -> CounterSeries {
        let name = Self.suffixed(Self.sanitised(label), "_total")
        let found = series(name, .counter, dimensions) { .counter(CounterSeries()) }
        guard case .counter(let counter) = found else { return CounterSeries() }
        return counter
    }

    private func gaugeSeries(_ label: String, _ dimensions: [(String, String)]) -> GaugeSeries {
        let found = series(Self.sanitised(label), .gauge, dimensions) { .gauge(GaugeSeries()) }
        guard case .gauge(let gauge) = found else { return GaugeSeries() }
        return gauge
    }

    private func histogramSeries(
        _ name: String,
        _ dimensions: [(String, String)],
        _ bounds: [Double]
    ) -> HistogramSeries {
        let found = series(name, .histogram, dimensions) { .histogram(HistogramSeries(bounds: bounds)) }
        guard case .histogram(let histogram) = found else { return HistogramSeries(bounds: bounds) }
        return histogram
    }

    /// A name already taken by another kind gives that other series; the caller then gets one that nobody sees.
    private func series(_ name: String, _ kind: Kind, _ dimensions: [(String, String)], make: () -> Series) -> Series {
        let labels = Self.labelText(dimensions)
        return state.withLock { state in
            var family = state.families.removeValue(forKey: name) ?? Family(kind: kind)
            defer { state.families[name] = family }
            if let known = family.series[labels] { return known }
            var key = labels
            if family.series.count >= Self.seriesLimit {
                key = Self.labelText(dimensions.map { ($0.0, "other") })
                if let known = family.series[key] { return known }
            }
            guard family.kind == kind else { return make() }
            let made = make()
            family.series[key] = made
            return made
        }
    }

    static func labelText(_ dimensions: [(String, String)]) -> String {
        dimensions.map { "\(sanitised($0.0))=\"\(escaped($0.1))\"" }.sorted().joined(separator: ",")
    }

    /// Prometheus names: letters, digits and underscores, no digit first.
    static func sanitised(_ name: String) -> String {
        var bytes = name.utf8.map { byte -> UInt8 in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) ? byte : 95
        }
        if let first = bytes.first, (48...57).contains(first) { bytes.insert(95, at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func suffixed(_ name: String, _ suffix: String) -> String {
        name.utf8.reversed().starts(with: suffix.utf8.reversed()) ? name : name + suffix
    }

    static func escaped(_ value: String) -> String {
        var bytes: [UInt8] = []
        for byte in value.utf8.prefix(200) {
            switch byte {
            case 34, 92: bytes += [92, byte]
            case 10: bytes += [92, UInt8(ascii: "n")]
            case 0..<32, 127: bytes.append(UInt8(ascii: "?"))
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
