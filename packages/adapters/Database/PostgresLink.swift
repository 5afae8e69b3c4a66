import CLibPQ
import DequeModule
import Dispatch
import Glibc

/// One session with the server, in pipeline mode: statements are sent without waiting, answers read together.
///
/// Used by one thread at a time. Every wait for the server has a limit.
final class PostgresLink {
    private enum Pending {
        case prepare(key: [UInt8])
        case statement(sql: String, isKept: Bool)
        case sync
    }

    private struct Prepared {
        var name: String
        var usedAt: UInt64
    }

    private let handle: OpaquePointer
    private let options: PostgresOptions
    /// What has been sent and not been answered.
    private var pending: Deque<Pending> = []
    private var prepared: [[UInt8]: Prepared] = [:]
    private var names: UInt64 = 0
    private var uses: UInt64 = 0
    /// Since the last answer was waited for.
    private(set) var unsettledOctets = 0
    private(set) var unsettledStatements = 0
    private(set) var isLost = false
    /// Whether a server stands behind it: a pooler takes connections without one.
    private(set) var hasAnswered = false

    /// - Throws: what the server or libpq said; never the password.
    init(_ options: PostgresOptions) throws(PostgresFault) {
        self.options = options
        handle = try Self.connect(options)
        PQsetnonblocking(handle, 1)
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        guard PQenterPipelineMode(handle) == 1 else {
            // What is thrown here ends the handle by `deinit`.
            throw .lost(PostgresResult.line(PQerrorMessage(handle)))
        }
        guard options.keepsStatements else { return }
        try send(Self.limits, limitValues(isLocal: false), isKept: false)
        _ = try settle()
    }

    deinit { PQfinish(handle) }

    // MARK: - Connecting

    private static func connect(_ options: PostgresOptions) throws(PostgresFault) -> OpaquePointer {
        var words: [(String, String)] = []
        if let url = options.url {
            var problem: UnsafeMutablePointer<CChar>?
            guard let parsed = PQconninfoParse(url, &problem) else {
                // libpq's message quotes the address, password and all.
                PQfreemem(problem)
                throw PostgresFault(
                    sqlState: PostgresFault.badAddress,
                    message: "DATABASE_URL is not an address of a PostgreSQL database"
                )
            }
            PQconninfoFree(parsed)
            words.append(("dbname", url))
        } else {
            if let host = options.host { words.append(("host", host)) }
            // Of several hosts the one that takes writes.
            if options.host?.utf8.contains(UInt8(ascii: ",")) == true, !options.isReplica {
                words.append(("target_session_attrs", "read-write"))
            }
            words.append(("port", "\(options.port)"))
            if let user = options.user { words.append(("user", user)) }
            if let password = options.password { words.append(("password", password)) }
            words.append(("dbname", options.database))
            words.append(("sslmode", options.tls.rawValue))
            if let file = options.authorityFile { words.append(("sslrootcert", file)) }
        }
        words += [
            ("client_encoding", "UTF8"), ("connect_timeout", "\(max(2, options.connectTimeout))"),
            ("fallback_application_name", options.applicationName),
            // A server that vanished without a word is noticed in half a minute.
            ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ]
        let names = words.map { strdup($0.0) }
        let values = words.map { strdup($0.1) }
        defer { for text in names + values { free(text) } }
        let namePointers = names.map { UnsafePointer($0) } + [nil]
        let valuePointers = values.map { UnsafePointer($0) } + [nil]
        guard let made = PQconnectdbParams(namePointers, valuePointers, 1) else { throw .lost("out of memory") }
        guard PQstatus(made) == CONNECTION_OK else {
            let message = PostgresResult.line(PQerrorMessage(made))
            PQfinish(made)
            throw PostgresFault(sqlState: state(ofRefusal: message), message: message, isConnectionLost: true)
        }
        return made
    }

    /// libpq 15 keeps no SQLSTATE of a refused start, only the server's text.
    private static let refusals: [(state: String, texts: [String])] = [
        (
            "28P01",
            [
                "password authentication failed", "no password supplied", "SASL authentication failed",
                "authentication failed",
            ]
        ),
        ("3D000", ["FATAL:  database", "no such database"]),
        (
            "28000",
            [
                "no pg_hba.conf entry", "FATAL:  role", "certificate verify failed", "does not support SSL",
                "root certificate",
            ]
        ),
        ("53300", ["too many clients", "remaining connection slots", "too many connections", "no more connections"]),
        ("57P03", ["starting up", "shutting down", "in recovery mode", "not yet accepting"]),
    ]

    private static func state(ofRefusal message: String) -> String {
        let bytes = Array(message.utf8)
        func has(_ text: String) -> Bool {
            let wanted = Array(text.utf8)
            return bytes.indices.contains { bytes[$0...].starts(with: wanted) }
        }
        return refusals.first { $0.texts.contains(where: has) }?.state ?? PostgresFault.unreachable
    }

    // MARK: - Limits

    static let limits = """
        SELECT set_config('statement_timeout', $1, $3 <> 0), set_config('idle_in_transaction_session_timeout', $2, $3 <> 0),
        set_config('jit', 'off', $3 <> 0)
        """

    /// For a session of this process alone, or for one transaction of a session that others share.
    func limitValues(isLocal: Bool) -> [SQLValue] {
        let statement = Int(options.statementTimeout * 1_000)
        return [.text("\(statement)"), .text("\(statement + 30_000)"), .integer(isLocal ? 1 : 0)]
    }

    // MARK: - Statements

    /// - Parameter isKept: whether `settle` gives its result.
    func send(_ sql: String, _ values: [SQLValue], isKept: Bool) throws(PostgresFault) {
        guard !isLost else { throw .lost("the connection has failed before", doing: sql) }
        let parameters = PostgresParameters(values)
        unsettledOctets += parameters.count + sql.utf8.count
        unsettledStatements += 1
        let isSent: Bool
        if options.keepsStatements, Self.isWorthKeeping(sql) {
            let name = try name(of: sql, parameters)
            isSent = parameters.withPointers { count, values, lengths, formats in
                PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1) == 1
            }
        } else {
            isSent = parameters.withPointers { count, values, lengths, formats in
                PQsendQueryParams(handle, sql, count, parameters.types, values, lengths, formats, 1) == 1
            }
        }
        guard isSent else { throw lost(doing: sql) }
        pending.append(.statement(sql: sql, isKept: isKept))
    }

    /// Only what is planned gains by being kept.
    private static func isWorthKeeping(_ sql: String) -> Bool {
        switch sql.utf8.first {
        case UInt8(ascii: "S"): sql.utf8.starts(with: "SELECT".utf8)
        case UInt8(ascii: "I"), UInt8(ascii: "U"), UInt8(ascii: "W"): true
        case UInt8(ascii: "D"): sql.utf8.starts(with: "DELETE".utf8)
        default: false
        }
    }

    private func name(of sql: String, _ parameters: PostgresParameters) throws(PostgresFault) -> String {
        var key = parameters.signature
        key.append(0)
        key.append(contentsOf: sql.utf8)
        uses += 1
        if let known = prepared[key]?.name {
            prepared[key]?.usedAt = uses
            return known
        }
        if prepared.count >= options.maximumStatements,
            let oldest = prepared.min(by: { $0.value.usedAt < $1.value.usedAt })
        {
            prepared[oldest.key] = nil
            let drop = "DEALLOCATE \(oldest.value.name)"
            guard PQsendQueryParams(handle, drop, 0, nil, nil, nil, nil, 1) == 1 else { throw lost(doing: drop) }
            pending.append(.statement(sql: drop, isKept: false))
        }
        names += 1
        let name = "s\(names)"
        guard PQsendPrepare(handle, name, sql, Int32(parameters.types.count), parameters.types) == 1 else {
            throw lost(doing: sql)
        }
        pending.append(.prepare(key: key))
        prepared[key] = Prepared(name: name, usedAt: uses)
        return name
    }

    /// Sends what nobody waits for; its answer is read before that of the next statements.
    func sendAhead(_ sql: String) throws(PostgresFault) {
        try send(sql, [], isKept: false)
        guard PQpipelineSync(handle) == 1 else { throw lost(doing: sql) }
        pending.append(.sync)
        _ = PQflush(handle)
    }

    /// Waits for every answer; the results of the kept statements in their order.
    ///
    /// - Throws: the first failure; the statements after it have not been run.
    func settle() throws(PostgresFault) -> [PostgresResult] {
        guard !isLost, PQpipelineSync(handle) == 1 else { throw lost(doing: "sync") }
        pending.append(.sync)
        defer { (unsettledOctets, unsettledStatements) = (0, 0) }
        // The server cancels what takes longer; past that it is the network that fails.
        let limit = (options.statementTimeout + options.answerGrace) * Double(max(1, min(unsettledStatements, 10)))
        let deadline = DispatchTime.now().uptimeNanoseconds + UInt64(limit * 1e9)
        var kept: [PostgresResult] = []
        var first: PostgresFault?
        while let next = pending.first {
            switch next {
            case .sync:
                guard let result = try result(by: deadline), result.isSync else { throw first ?? lost(doing: "sync") }
            case .prepare(let key):
                let result = try answer(by: deadline, first)
                if result.isFailure || result.isAborted { prepared[key] = nil }
                if result.isFailure, first == nil { first = result.fault(doing: String(decoding: key, as: UTF8.self)) }
            case .statement(let sql, let isKept):
                let result = try answer(by: deadline, first)
                if result.isFailure, first == nil { first = result.fault(doing: sql) }
                if isKept { kept.append(result) }
            }
            pending.removeFirst()
        }
        if var first {
            first.isConnectionLost = PQstatus(handle) != CONNECTION_OK
            isLost = first.isConnectionLost
            throw first
        }
        return kept
    }

    /// A statement's result and the null that follows it.
    private func answer(by deadline: UInt64, _ first: PostgresFault?) throws(PostgresFault) -> PostgresResult {
        guard let result = try result(by: deadline) else { throw first ?? lost(doing: "a statement") }
        guard PQstatus(handle) == CONNECTION_OK else {
            isLost = true
            var fault = first ?? result.fault(doing: "")
            fault.isConnectionLost = true
            throw fault
        }
        hasAnswered = true
        while try self.result(by: deadline) != nil {}
        return result
    }

    private func result(by deadline: UInt64) throws(PostgresFault) -> PostgresResult? {
        while true {
            let flushed = PQflush(handle)
            guard flushed >= 0 else { throw lost(doing: "send") }
            if PQisBusy(handle) == 0 { return PQgetResult(handle).map { PostgresResult($0) } }
            let now = DispatchTime.now().uptimeNanoseconds
            guard now < deadline else {
                isLost = true
                throw .lost("no answer in time")
            }
            var waiting = pollfd(fd: PQsocket(handle), events: Int16(POLLIN | (flushed == 1 ? POLLOUT : 0)), revents: 0)
            let milliseconds = Int32(clamping: (deadline - now) / 1_000_000 + 1)
            guard poll(&waiting, 1, milliseconds) >= 0 || errno == EINTR else { throw lost(doing: "wait") }
            if Int32(waiting.revents) & (POLLIN | POLLERR | POLLHUP) != 0, PQconsumeInput(handle) == 0,
                PQisBusy(handle) != 0
            {
                throw lost(doing: "receive")
            }
        }
    }

    private func lost(doing statement: String) -> PostgresFault {
        isLost = true
        return .lost(PostgresResult.line(PQerrorMessage(handle)), doing: statement)
    }

    /// The server's opinion; valid after `settle`.
    var isInTransaction: Bool { PQtransactionStatus(handle) != PQTRANS_IDLE }
    var serverVersion: Int { Int(PQserverVersion(handle)) }
}
