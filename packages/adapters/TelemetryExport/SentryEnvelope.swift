import Logging
import MailModel
import Telemetry

/// One error as Sentry takes it: three lines, the last one the event.
struct SentryEnvelope {
    /// What is the same in every event of a process.
    struct Origin: Sendable {
        var service: String
        var environment: String
        var release: String
        var host: String
    }

    static func bytes(_ error: ErrorReport, id: String, sentAt: Timestamp, _ origin: Origin) -> [UInt8] {
        let event = event(error, id: id, origin)
        var head = JSONText()
        head.beginObject()
        head.key("event_id")
        head.string(id)
        head.key("sent_at")
        head.string(RFC3339.text(sentAt))
        head.endObject()
        var item = JSONText()
        item.beginObject()
        item.key("type")
        item.string("event")
        item.key("content_type")
        item.string("application/json")
        item.key("length")
        item.number(event.count)
        item.endObject()
        return head.bytes + [10] + item.bytes + [10] + event + [10]
    }

    private static func event(_ error: ErrorReport, id: String, _ origin: Origin) -> [UInt8] {
        let message = ReportScrubber.text(error.message)
        var text = JSONText()
        text.beginObject()
        for (name, value) in [
            ("event_id", id), ("timestamp", RFC3339.text(error.at)), ("platform", "other"),
            ("level", error.level == .critical ? "fatal" : "error"), ("logger", error.label),
            ("server_name", origin.host), ("release", origin.release), ("environment", origin.environment),
        ] {
            text.key(name)
            text.string(value)
        }
        text.key("message")
        text.beginObject()
        text.key("formatted")
        text.string(message)
        text.endObject()
        text.key("fingerprint")
        text.beginArray()
        text.string(error.label)
        text.string(message)
        text.endArray()
        append("tags", ["service": origin.service], to: &text)
        append("extra", ReportScrubber.fields(error.fields), to: &text)
        text.endObject()
        return text.bytes
    }

    private static func append(_ name: String, _ fields: [String: String], to text: inout JSONText) {
        text.key(name)
        text.beginObject()
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            text.key(key)
            text.string(value)
        }
        text.endObject()
    }
}
