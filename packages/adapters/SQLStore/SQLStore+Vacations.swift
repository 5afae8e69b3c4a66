import Database
import MailCrypto
package import MailModel
package import MailPorts

extension SQLStore: VacationStore {
    /// Numbers of placeholders: few, so that statements are prepared once.
    private static let dueSizes = [1, 16, 128]
    private static let daySeconds: Int64 = 86_400
    private static let vacationColumns =
        "vacations.account_id, is_enabled, starts_at, ends_at, subject, body, interval_days, audience"

    // MARK: - Setting

    package func vacation(of account: AccountID) async throws(StoreError) -> Vacation? {
        try await database.read { connection throws(StoreError) in try Self.vacation(of: account, connection) }
    }

    package func setVacation(
        _ vacation: Vacation?,
        of account: AccountID,
        upTo limit: Role,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            guard let own = try Self.ownState(account, connection), own.role.rank <= limit.rank,
                own.status != .deleted
            else { throw .notFound }
            let before = try Self.vacation(of: account, connection)
            guard before != nil || vacation != nil else { throw .notFound }
            let key: SQLValue = .integer(account.rawValue)
            if let vacation {
                try connection.execute(
                    """
                    INSERT INTO vacations (account_id, is_enabled, starts_at, ends_at, subject, body, interval_days, audience)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                    ON CONFLICT (account_id) DO UPDATE SET is_enabled = $2, starts_at = $3, ends_at = $4, subject = $5,
                    body = $6, interval_days = $7, audience = $8
                    """,
                    [
                        key, .integer(vacation.isEnabled ? 1 : 0), .optional(vacation.startsAt?.microseconds),
                        .optional(vacation.endsAt?.microseconds), .optional(vacation.subject), .text(vacation.text),
                        .integer(Int64(vacation.intervalDays)), .text(vacation.audience.rawValue),
                    ]
                )
            } else {
                try connection.execute("DELETE FROM vacations WHERE account_id = $1", [key])
            }
            // What is said now, nobody has been told yet (RFC 5230 §4.2).
            if before != vacation {
                try connection.execute("DELETE FROM vacation_answers WHERE account_id = $1", [key])
            }
            var audit = audit
            audit.detail = Self.change(from: before, to: vacation).text
            try Self.record(audit, of: own.organisation, connection)
        }
    }

    /// Everything but the text, of which the length is told.
    private static func change(from before: Vacation?, to after: Vacation?) -> AuditDetail {
        func time(_ moment: Timestamp?) -> String? { moment.map { "\($0.seconds)" } }
        func octets(_ text: String?) -> Int64? { text.map { Int64($0.utf8.count) } }
        let detail = AuditDetail()
            .changing("is_enabled", from: before?.isEnabled, to: after?.isEnabled)
            .changing("starts_at", from: time(before?.startsAt), to: time(after?.startsAt))
            .changing("ends_at", from: time(before?.endsAt), to: time(after?.endsAt))
            .changing("subject", from: before?.subject, to: after?.subject)
            .changing(
                "interval_days",
                from: before.map { Int64($0.intervalDays) },
                to: after.map { Int64($0.intervalDays) }
            )
            .changing("audience", from: before?.audience.rawValue, to: after?.audience.rawValue)
            .changing("text_octets", from: octets(before?.text), to: octets(after?.text))
        return before?.text == after?.text ? detail : detail.adding("text", "changed")
    }

    // MARK: - Answering

    package func vacationsDue(
        among accounts: [AccountID],
        to sender: EmailAddress,
        at now: Timestamp
    ) async throws(StoreError) -> [DueVacation] {
        try await database.read { connection throws(StoreError) in
            var due: [DueVacation] = []
            var rest = accounts[...]
            while let last = rest.last {
                let size = Self.dueSizes.first { $0 >= rest.count } ?? Self.dueSizes[Self.dueSizes.count - 1]
                let some = rest.prefix(size)
                rest = rest.dropFirst(some.count)
                let padded = some + Array(repeating: last, count: size - some.count)
                let found = try connection.all(
                    Self.dueQuery(padded.indices.count),
                    [.integer(now.microseconds), .text(sender.canonical), .text(sender.domain)]
                        + padded.map { .integer($0.rawValue) },
                    Self.vacation
                )
                for (id, vacation) in found {
                    guard let account = try Self.account(id, connection) else { continue }
                    due.append(DueVacation(account: account, vacation: vacation))
                }
            }
            return due
        }
    }

    /// `$1` is now, `$2` and `$3` the sender and its domain.
    private static func dueQuery(_ count: Int) -> String {
        """
        SELECT \(vacationColumns) FROM vacations WHERE account_id IN (\((4..<(4 + count)).map { "$\($0)" }.joined(separator: ", ")))
        AND is_enabled = 1 AND COALESCE(starts_at, $1) <= $1 AND (ends_at IS NULL OR ends_at > $1)
        AND (audience = 'everyone' OR EXISTS (
            SELECT 1 FROM accounts JOIN domains ON domains.organisation_id = accounts.organisation_id
            WHERE accounts.account_id = vacations.account_id AND domains.name = $3
        ))
        AND NOT EXISTS (
            SELECT 1 FROM vacation_answers WHERE vacation_answers.account_id = vacations.account_id AND sender = $2
            AND answered_at > $1 - interval_days * \(daySeconds * 1_000_000)
        )
        ORDER BY vacations.account_id
        """
    }

    package func answer(_ answer: VacationAnswer, atMost limit: Int) async throws(StoreError) -> Bool {
        let stored = try await prepare(answer.plan.bytes)
        let delivered = try await database.write { connection throws(StoreError) -> Delivered? in
            // In one order with all other deliveries: two who answer each other do not wait for each other.
            let locked = Set(answer.plan.localCopies.map(\.account) + [answer.account])
            try Self.lock(locked.sorted { $0.rawValue < $1.rawValue }, connection)
            guard try Self.claim(answer, limit, connection) else { return nil }
            return try Self.deliver(answer.plan, stored, connection)
        }
        guard let delivered else { return false }
        publish(delivered, hasQueueWork: !answer.plan.remote.isEmpty)
        return true
    }

    private static func claim(
        _ answer: VacationAnswer,
        _ limit: Int,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Bool {
        let now = answer.plan.receivedAt
        let (key, seconds): (String, Int64)
        switch answer.source {
        case .setting:
            guard let vacation = try vacation(of: answer.account, connection), vacation.isEnabled else { return false }
            (key, seconds) = (answer.sender.canonical, Int64(vacation.intervalDays) * daySeconds)
        case .script(let handle, let interval):
            // No address begins with a digest and a space.
            let digest = SHA256.hash(Array(handle.utf8)).map {
                "\(String($0 >> 4, radix: 16))\(String($0 & 15, radix: 16))"
            }
            (key, seconds) = ("\(digest.joined()) \(answer.sender.canonical)", interval)
        }
        let given = try connection.first(
            "SELECT COUNT(*) FROM vacation_answers WHERE account_id = $1 AND answered_at > $2",
            [.integer(answer.account.rawValue), .integer(now.adding(seconds: -daySeconds).microseconds)]
        ) { row throws(StoreError) in row.integer(0) }
        guard (given ?? 0) < Int64(limit) else { return false }
        let free = now.adding(seconds: -seconds)
        let noted = try connection.execute(
            """
            INSERT INTO vacation_answers (account_id, sender, answered_at) VALUES ($1, $2, $3)
            ON CONFLICT (account_id, sender) DO UPDATE SET answered_at = $3 WHERE vacation_answers.answered_at <= $4
            """,
            [
                .integer(answer.account.rawValue), .text(key), .integer(now.microseconds),
                .integer(free.microseconds),
            ]
        )
        return noted == 1
    }

    package func forgetVacationAnswers(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                DELETE FROM vacation_answers WHERE (account_id, sender) IN (
                    SELECT account_id, sender FROM vacation_answers WHERE answered_at < $1 ORDER BY answered_at LIMIT $2
                )
                """,
                [.integer(moment.microseconds), .integer(Int64(limit))]
            )
        }
    }

    // MARK: - Rows

    private static func vacation(
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Vacation? {
        try connection.first(
            "SELECT \(vacationColumns) FROM vacations WHERE account_id = $1",
            [.integer(account.rawValue)],
            vacation
        )?.vacation
    }

    private static func vacation(_ row: any SQLRow) throws(StoreError) -> (account: AccountID, vacation: Vacation) {
        (
            AccountID(row.integer(0)),
            Vacation(
                isEnabled: row.integer(1) != 0,
                startsAt: row.optionalInteger(2).map { Timestamp(microseconds: $0) },
                endsAt: row.optionalInteger(3).map { Timestamp(microseconds: $0) },
                subject: row.optionalText(4),
                text: row.text(5),
                intervalDays: Int(row.integer(6)),
                audience: Vacation.Audience(rawValue: row.text(7)) ?? .organisation
            )
        )
    }
}
