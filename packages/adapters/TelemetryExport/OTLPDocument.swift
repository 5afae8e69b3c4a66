import MailPorts
import Telemetry
import Tracing

/// Spans as OTLP 1.x writes them in JSON: identifiers in hexadecimal digits, 64-bit numbers as text.
enum OTLPDocument {
    static func bytes(_ spans: [SpanRecord], service: String, release: String, host: String) -> [UInt8] {
        var text = JSONText()
        text.beginObject()
        text.key("resourceSpans")
        text.beginArray()
        text.beginObject()
        text.key("resource")
        text.beginObject()
        append(
            [
                ("service.name", .string(service)), ("service.namespace", .string("oonrumail")),
                ("service.version", .string(release)), ("host.name", .string(host)),
            ],
            to: &text
        )
        text.endObject()
        text.key("scopeSpans")
        text.beginArray()
        text.beginObject()
        text.key("scope")
        text.beginObject()
        text.key("name")
        text.string("oonrumail")
        text.endObject()
        text.key("spans")
        text.beginArray()
        for span in spans { append(span, to: &text) }
        text.endArray()
        text.endObject()
        text.endArray()
        text.endObject()
        text.endArray()
        text.endObject()
        return text.bytes
    }

    private static func append(_ span: SpanRecord, to text: inout JSONText) {
        text.beginObject()
        text.key("traceId")
        text.string(span.context.traceText)
        text.key("spanId")
        text.string(span.context.spanText)
        if let parent = span.parent {
            text.key("parentSpanId")
            text.string(TraceContext.text(parent))
        }
        text.key("name")
        text.string(span.name)
        text.key("kind")
        text.number(number(of: span.kind))
        text.key("startTimeUnixNano")
        text.string("\(span.start)")
        text.key("endTimeUnixNano")
        text.string("\(span.end)")
        append(span.attributes, to: &text)
        if !span.events.isEmpty {
            text.key("events")
            text.beginArray()
            for event in span.events {
                text.beginObject()
                text.key("timeUnixNano")
                text.string("\(event.at)")
                text.key("name")
                text.string(event.name)
                text.endObject()
            }
            text.endArray()
        }
        append(span.status, to: &text)
        text.endObject()
    }

    private static func append(_ status: SpanStatus?, to text: inout JSONText) {
        guard let status else { return }
        text.key("status")
        text.beginObject()
        text.key("code")
        text.number(status.code == .error ? 2 : 1)
        if let message = status.message {
            text.key("message")
            text.string(message)
        }
        text.endObject()
    }

    private static func append(_ attributes: [(key: String, value: SpanAttribute)], to text: inout JSONText) {
        text.key("attributes")
        text.beginArray()
        for (key, value) in attributes {
            text.beginObject()
            text.key("key")
            text.string(key)
            text.key("value")
            text.beginObject()
            switch value {
            case .int64(let number):
                text.key("intValue")
                text.string("\(number)")
            case .int32(let number):
                text.key("intValue")
                text.string("\(number)")
            case .bool(let truth):
                text.key("boolValue")
                text.boolean(truth)
            case .string(let value):
                text.key("stringValue")
                text.string(value, limit: 1_000)
            default:
                // The library's own enum may grow; nothing of ours uses its other kinds.
                text.key("stringValue")
                text.string("")
            }
            text.endObject()
            text.endObject()
        }
        text.endArray()
    }

    private static func number(of kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}
