package import Logging
package import MailModel

/// One event, one line: a JSON object, or text for people.
///
/// Metadata is flattened (`session.id`), each value cut at `valueLimit` octets, every control character escaped: nothing
/// that a client sends can begin a line of its own.
package struct LineLogHandler: LogHandler {
    package enum Format: String, Sendable { case json, text }

    /// Octets of one value.
    package static let valueLimit = 4_096
    /// Nested dictionaries and arrays below this depth are left out.
    private static let depthLimit = 4

    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level

    private let label: String
    private let format: Format
    private let sink: any LogSink
    private let clock: any WallClock
    private let errors: (any ErrorReporting)?

    package init(
        label: String,
        level: Logger.Level,
        format: Format,
        sink: any LogSink = StandardErrorSink.shared,
        clock: any WallClock = SystemClock(),
        errors: (any ErrorReporting)? = nil,
        metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.sink = sink
        self.clock = clock
        self.errors = errors
        self.metadataProvider = metadataProvider
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let given = event.metadata { fields.merge(given) { _, new in new } }
        if let error = event.error { fields["error"] = .string("\(error)") }
        let time = clock.now()
        switch format {
        case .json: sink.write(json(time, event, fields))
        case .text: sink.write(text(time, event, fields))
        }
        guard let errors, event.level >= .error else { return }
        errors.report(
            ErrorReport(
                at: time,
                level: event.level,
                label: label,
                message: event.message.description,
                fields: fields.mapValues { "\($0)" }
            )
        )
    }

    private static let reserved: Set<String> = ["time", "level", "service", "message"]

    private func json(_ time: Timestamp, _ event: LogEvent, _ fields: Logger.Metadata) -> [UInt8] {
        var line = JSONText()
        line.beginObject()
        line.key("time")
        line.string(RFC3339.text(time))
        line.key("level")
        line.string(event.level.rawValue)
        line.key("service")
        line.string(label)
        line.key("message")
        line.string(event.message.description, limit: Self.valueLimit)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            append(value, key: Self.reserved.contains(key) ? "metadata.\(key)" : key, depth: 0, to: &line)
        }
        line.endObject()
        return line.bytes + [10]
    }

    private func append(_ value: Logger.Metadata.Value, key: String, depth: Int, to line: inout JSONText) {
        switch value {
        case .string(let text):
            line.key(key)
            line.string(text, limit: Self.valueLimit)
        case .stringConvertible(let value):
            line.key(key)
            switch value {
            case let number as Int: line.number(number)
            case let number as Int64: line.number(number)
            case let number as UInt32: line.number(number)
            case let number as UInt64: line.number(number)
            case let flag as Bool: line.boolean(flag)
            default: line.string(value.description, limit: Self.valueLimit)
            }
        case .dictionary(let inner):
            guard depth < Self.depthLimit else { return }
            for (name, value) in inner.sorted(by: { $0.key < $1.key }) {
                append(value, key: "\(key).\(name)", depth: depth + 1, to: &line)
            }
        case .array(let values):
            line.key(key)
            line.beginArray()
            for value in values.prefix(64) { line.string("\(value)", limit: 512) }
            line.endArray()
        }
    }

    private func text(_ time: Timestamp, _ event: LogEvent, _ fields: Logger.Metadata) -> [UInt8] {
        var line = RFC3339.bytes(time)
        line += " \(event.level.rawValue) \(label): ".utf8
        Self.appendPlain(event.message.description, to: &line)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=".utf8
            Self.appendPlain("\(value)", to: &line)
        }
        line.append(10)
        return line
    }

    private static func appendPlain(_ text: String, to line: inout [UInt8]) {
        for byte in text.utf8.prefix(valueLimit) {
            line.append(byte < 32 || byte == 127 ? UInt8(ascii: "?") : byte)
        }
    }
}
