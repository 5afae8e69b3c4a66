// Table: which trace a queued message is part of.

extension Migration {
    static let traceContexts = Migration(
        version: 14,
        name: "expand-trace-contexts",
        statements: ["ALTER TABLE queue_messages ADD COLUMN traceparent TEXT"]
    )
}
