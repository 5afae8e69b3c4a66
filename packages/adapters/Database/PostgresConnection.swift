import MailPorts

/// One transaction on a link.
///
/// Begins with the first statement; ends by `commit`, `leave` or `abandon`.
final class PostgresConnection: SQLConnection {
    enum Kind { case write, read }

    let dialect = SQLDialect.postgres
    private let link: PostgresLink
    private let kind: Kind
    private let options: PostgresOptions
    private var hasBegun = false
    /// What failed; nothing runs after it.
    private(set) var fault: PostgresFault?
    /// From then on nobody can tell whether a lost connection has committed.
    private(set) var isCommitSent = false
    /// A commit that was sent on a connection that is lost may have happened.
    var mayHaveCommitted: Bool { isCommitSent && fault?.isConnectionLost == true }

    init(_ link: PostgresLink, _ kind: Kind, _ options: PostgresOptions) {
        (self.link, self.kind, self.options) = (link, kind, options)
    }

    @discardableResult
    func execute(_ sql: String, _ values: [SQLValue]) throws(StoreError) -> Int {
        try send(sql, values, isKept: true)
        return try settle().first?.changed ?? 0
    }

    func post(_ sql: String, _ values: [SQLValue]) throws(StoreError) {
        try send(sql, values, isKept: false)
        if link.unsettledOctets > options.maximumPipelineOctets
            || link.unsettledStatements >= options.maximumPipelineStatements
        {
            _ = try settle()
        }
    }

    func query(_ sql: String, _ values: [SQLValue], _ row: (any SQLRow) throws(StoreError) -> Void) throws(StoreError) {
        try send(sql, values, isKept: true)
        guard let result = try settle().first else { return }
        for index in 0..<result.rows { try row(PostgresRow(result: result, row: index)) }
    }

    func queryEach(
        _ statements: [SQLStatement],
        _ row: (Int, any SQLRow) throws(StoreError) -> Void
    ) throws(StoreError) {
        for statement in statements { try send(statement.sql, statement.values, isKept: true) }
        for (place, result) in try settle().enumerated() {
            for index in 0..<result.rows { try row(place, PostgresRow(result: result, row: index)) }
        }
    }

    func takeTurn(_ turn: SQLTurn) throws(StoreError) {
        try send("SELECT pg_advisory_xact_lock($1)", [.integer(turn.rawValue)], isKept: false)
    }

    // MARK: - The transaction

    /// Concurrent writers of one account take turns by its row (see docs/adr/0005), so each statement of a write sees
    /// what is committed; a read sees one moment.
    private func begin() throws(PostgresFault) {
        hasBegun = true
        let words =
            kind == .write ? "BEGIN ISOLATION LEVEL READ COMMITTED" : "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        try link.send(words, [], isKept: false)
        // Behind a pooler the session is not ours to set.
        if !options.keepsStatements {
            try link.send(PostgresLink.limits, link.limitValues(isLocal: true), isKept: false)
        }
    }

    private func send(_ sql: String, _ values: [SQLValue], isKept: Bool) throws(StoreError) {
        guard fault == nil else { throw .unavailable(reportID: "") }
        do throws(PostgresFault) {
            if !hasBegun { try begin() }
            try link.send(sql, values, isKept: isKept)
        } catch {
            throw note(error)
        }
    }

    private func settle() throws(StoreError) -> [PostgresResult] {
        do throws(PostgresFault) {
            return try link.settle()
        } catch {
            throw note(error)
        }
    }

    /// The caller of the closure reports it; here it only has to stop the closure.
    private func note(_ fault: PostgresFault) -> StoreError {
        self.fault = self.fault ?? fault
        return fault.sqlState == "23505" ? .alreadyExists : .unavailable(reportID: "")
    }

    /// Returns when it is on stable storage.
    func commit() throws(StoreError) {
        // A closure may have gone on regardless.
        if let fault { throw note(fault) }
        guard hasBegun else { return }
        do throws(PostgresFault) {
            try link.send("COMMIT", [], isKept: true)
            isCommitSent = true
            let outcome = try link.settle()
            guard outcome.last?.command == "COMMIT" else {
                throw PostgresFault(sqlState: "25P02", message: "the transaction had failed before its commit")
            }
        } catch {
            throw note(error)
        }
    }

    /// Ends a read: nobody waits for the answer.
    func leave() {
        guard hasBegun, fault == nil else { return abandon() }
        try? link.sendAhead("COMMIT")
    }

    /// Undoes everything.
    func abandon() {
        guard hasBegun, !link.isLost else { return }
        try? link.sendAhead("ROLLBACK")
    }
}
