import Database
package import MailModel
package import MailPorts

extension SQLStore: StatisticsStore {
    /// Names in one question.
    private static let namesAtOnce = 500

    /// Events of one batch, read beside the writers.
    private struct Batch: Sendable {
        var move: StatisticsPosition.Move
        var old: StatisticsPosition
        var new: StatisticsPosition
        var events: [TraceEvent] = []
    }

    package func countEvents(limit: Int, now: Timestamp) async throws(StoreError) -> CountingStep {
        let batch = try await database.read(.latest) { connection throws(StoreError) in
            try Self.batch(limit: limit, now: now, connection)
        }
        guard batch.move != .rest else { return CountingStep(events: 0, isLast: true) }
        let isMine = try await database.write { connection throws(StoreError) in
            // Somebody who counts at the same time waits here, and finds that this batch is done.
            guard try batch.old.replace(by: batch.new, connection) else { return false }
            try Self.add(batch.events, connection)
            return true
        }
        guard isMine else { return CountingStep(events: 0, isLast: true) }
        // What came meanwhile is seen or counted by the next step; what was seen now must settle.
        return CountingStep(events: batch.events.count, isLast: batch.move == .look)
    }

    private static func batch(
        limit: Int,
        now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Batch {
        let old = try StatisticsPosition.read(connection)
        var view = StatisticsPosition.View()
        view.newest = try StatisticsPosition.newest(connection)
        if let query = connection.dialect.transactionsQuery {
            (view.running, view.next) =
                try connection.first(query) { row throws(StoreError) in (row.integer(0), row.integer(1)) } ?? (0, 0)
        }
        let isParallel = connection.dialect.hasParallelWriters
        let move = old.move(view, hasParallelWriters: isParallel, now: now)
        var batch = Batch(move: move, old: old, new: old.looked(view, now: now))
        guard move == .count else { return batch }
        if isParallel { batch.new = old }
        let found = try connection.all(
            "SELECT \(traceColumns) FROM trace_events WHERE trace_id > $1 AND trace_id <= $2 ORDER BY trace_id LIMIT $3",
            [.integer(old.counted), .integer(batch.new.seen), .integer(Int64(limit))]
        ) { row throws(StoreError) in (number: row.integer(0), event: traceEvent(row)) }
        batch.new.counted = found.count < limit ? batch.new.seen : found.last?.number ?? batch.new.seen
        batch.events = found.map(\.event)
        return batch
    }

    private struct Key: Hashable, Comparable {
        var domain: String
        var day: CalendarDay
        /// By octets, as engines order: who writes takes the rows in one order.
        static func < (left: Key, right: Key) -> Bool {
            left.domain == right.domain
                ? left.day < right.day : left.domain.utf8.lexicographicallyPrecedes(right.domain.utf8)
        }
    }

    /// Adds events to the counts of domains that are hosted, and were when it happened.
    private static func add(_ events: [TraceEvent], _ connection: any SQLConnection) throws(StoreError) {
        let counted = events.compactMap { event in event.counted.map { (at: event.at, $0.count, $0.domain) } }
        let since = try hosted(Set(counted.map(\.2)), connection)
        var sums: [Key: MailCounts] = [:]
        for (at, count, domain) in counted {
            guard let added = since[domain], at >= added else { continue }
            sums[Key(domain: domain, day: CalendarDay(at)), default: MailCounts()][count] += 1
        }
        let columns = MailCount.allCases.map(\.rawValue)
        let places = columns.indices.map { "$\($0 + 3)" }.joined(separator: ", ")
        let additions = columns.map { "\($0) = domain_statistics.\($0) + excluded.\($0)" }.joined(separator: ", ")
        for (key, sum) in sums.sorted(by: { $0.key < $1.key }) {
            try connection.post(
                """
                INSERT INTO domain_statistics (domain, day, \(columns.joined(separator: ", "))) VALUES ($1, $2, \(places))
                ON CONFLICT (domain, day) DO UPDATE SET \(additions)
                """,
                [.text(key.domain), .integer(key.day.number)] + MailCount.allCases.map { .integer(sum[$0]) }
            )
        }
    }

    /// Which of the names are hosted and since when; they are not purged until the transaction ends.
    private static func hosted(
        _ names: Set<String>,
        _ connection: any SQLConnection
    ) throws(StoreError) -> [String: Timestamp] {
        var found: [String: Timestamp] = [:]
        let all = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for start in stride(from: 0, to: all.count, by: namesAtOnce) {
            let some = all[start..<min(start + namesAtOnce, all.count)]
            let places = some.indices.map { "$\($0 - start + 1)" }.joined(separator: ", ")
            try connection.query(
                "SELECT name, created_at FROM domains WHERE name IN (\(places)) ORDER BY name\(connection.dialect.forKeyShare)",
                some.map { .text($0) }
            ) { row throws(StoreError) in found[row.text(0)] = Timestamp(microseconds: row.integer(1)) }
        }
        return found
    }

    // MARK: - Reading

    package func oldestUncounted() async throws(StoreError) -> Timestamp? {
        try await database.read(.latest) { connection throws(StoreError) in
            let position = try StatisticsPosition.read(connection)
            return try connection.first(
                "SELECT at FROM trace_events WHERE trace_id > $1 ORDER BY trace_id LIMIT 1",
                [.integer(position.counted)]
            ) { row throws(StoreError) in Timestamp(microseconds: row.integer(0)) }
        }
    }

    package func counts(
        ofDomain name: String,
        _ period: StatisticsPeriod
    ) async throws(StoreError) -> [CalendarDay: MailCounts] {
        let columns = MailCount.allCases.map(\.rawValue).joined(separator: ", ")
        return try await database.read(.recent) { connection throws(StoreError) in
            var found: [CalendarDay: MailCounts] = [:]
            try connection.query(
                "SELECT day, \(columns) FROM domain_statistics WHERE domain = $1 AND day >= $2 AND day <= $3",
                [
                    .text(EmailAddress.lowercased(name)), .integer(period.since.number),
                    .integer(period.until.number),
                ]
            ) { row throws(StoreError) in
                var counts = MailCounts()
                for (place, count) in MailCount.allCases.enumerated() { counts[count] = row.integer(place + 1) }
                found[CalendarDay(number: row.integer(0))] = counts
            }
            return found
        }
    }

    package func removeCounts(before day: CalendarDay, limit: Int) async throws(StoreError) -> Int {
        let isSome = try await database.read { connection throws(StoreError) in
            try connection.first("SELECT 1 FROM domain_statistics WHERE day < $1 LIMIT 1", [.integer(day.number)]) {
                _ throws(StoreError) in true
            }
        }
        // Mostly there is nothing, and no writer waits for that.
        guard isSome == true else { return 0 }
        return try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                DELETE FROM domain_statistics WHERE (domain, day) IN (
                    SELECT domain, day FROM domain_statistics WHERE day < $1 ORDER BY day, domain LIMIT $2
                )
                """,
                [.integer(day.number), .integer(Int64(limit))]
            )
        }
    }
}
