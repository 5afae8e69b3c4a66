import Database
package import MailModel
package import MailPorts
import Metrics
import Synchronization

/// Trace events of refused transactions, gathered while a write is under way.
final class TraceBuffer: Sendable {
    private struct State {
        var waiting: [TraceEvent] = []
        var isWriting = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let dropped = Counter(label: "oonrumail_trace_events_dropped_total")

    init(limit: Int) { self.limit = limit }

    /// True when the caller should write now.
    func add(_ events: [TraceEvent]) -> Bool {
        let (overflow, start) = state.withLock { state in
            let room = max(0, limit - state.waiting.count)
            state.waiting += events.prefix(room)
            defer { state.isWriting = true }
            return (events.count - min(room, events.count), !state.isWriting)
        }
        if overflow > 0 { dropped.increment(by: overflow) }
        return start
    }

    /// What waits; when nothing does, the writing has ended.
    func take() -> [TraceEvent] {
        state.withLock { state in
            defer { state.waiting = [] }
            if state.waiting.isEmpty { state.isWriting = false }
            return state.waiting
        }
    }
}

extension SQLStore: TraceStore {
    package func record(_ events: [TraceEvent]) async {
        guard !events.isEmpty, traceBuffer.add(events) else { return }
        while true {
            let batch = traceBuffer.take()
            guard !batch.isEmpty else { return }
            // The database has reported the cause; a trace of refusals may be lost.
            try? await database.write { connection throws(StoreError) in try Self.insert(batch, connection) }
        }
    }

    static func insert(_ events: [TraceEvent], _ connection: any SQLConnection) throws(StoreError) {
        for event in events {
            try connection.post(
                """
                INSERT INTO trace_events (at, kind, queue_id, message_id, sender, recipient, remote, detail)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                """,
                [
                    .integer(event.at.microseconds), .text(event.kind.rawValue), .text(event.queueID.rawValue),
                    .optional(event.messageID),
                    .text(EmailAddress.lowercased(event.sender)),
                    .optional(event.recipient.map(EmailAddress.lowercased)),
                    .optional(event.remote?.description), .text(event.detail),
                ]
            )
        }
    }

    package func find(_ key: String, since: Timestamp?, limit: Int) async throws(StoreError) -> [TraceEvent] {
        let address = EmailAddress.lowercased(key)
        let conditions = [("queue_id", 1), ("message_id", 1), ("sender", 2), ("recipient", 2)]
        // Each part bounded by itself: a busy address has more events than anyone reads.
        let union = conditions.map { column, place in
            """
            SELECT * FROM (
                SELECT \(Self.traceColumns) FROM trace_events WHERE \(column) = $\(place) AND at >= $3 ORDER BY trace_id DESC LIMIT $4
            ) AS by_\(column)
            """
        }.joined(separator: " UNION ")
        return try await database.read(.recent) { connection throws(StoreError) in
            try connection.all(
                "SELECT * FROM (\(union)) AS found ORDER BY at DESC, trace_id DESC LIMIT $4",
                [.text(key), .text(address), .integer(since?.microseconds ?? 0), .integer(Int64(limit))]
            ) { row throws(StoreError) in Self.traceEvent(row) }.reversed()
        }
    }

    static let traceColumns = "trace_id, at, kind, queue_id, message_id, sender, recipient, remote, detail"

    static func traceEvent(_ row: any SQLRow) -> TraceEvent {
        TraceEvent(
            at: Timestamp(microseconds: row.integer(1)),
            kind: TraceEvent.Kind(rawValue: row.text(2)) ?? .refused,
            queueID: QueueID(rawValue: row.text(3)),
            messageID: row.optionalText(4),
            sender: row.text(5),
            recipient: row.optionalText(6),
            remote: row.optionalText(7).flatMap { IPAddress($0) },
            detail: row.text(8)
        )
    }

    package func prune(olderThan moment: Timestamp) async throws(StoreError) -> Int {
        var removed = 0
        while true {
            let some = try await database.write { connection throws(StoreError) in
                let position = try StatisticsPosition.locked(connection)
                let count = try connection.execute(
                    """
                    DELETE FROM trace_events WHERE trace_id IN (
                        SELECT trace_id FROM (SELECT trace_id, at FROM trace_events ORDER BY trace_id LIMIT 5000) AS oldest WHERE at < $1
                    )
                    """,
                    [.integer(moment.microseconds)]
                )
                try position?.lower(connection)
                return count
            }
            removed += some
            if some < 5_000 { return removed }
        }
    }
}
