import MailPorts

/// Why PostgreSQL did not do what it was asked.
struct PostgresFault: Error {
    /// Five characters (PostgreSQL's Appendix A); empty when the server said nothing.
    var sqlState: String
    /// The server's primary message or libpq's; holds no values and no password.
    var message: String
    /// The statement's text, which holds no values.
    var statement = ""
    /// Nothing more can be done on that connection.
    var isConnectionLost = false

    static func lost(_ message: String, doing statement: String = "") -> PostgresFault {
        PostgresFault(sqlState: "", message: message, statement: statement, isConnectionLost: true)
    }

    /// Another transaction was in the way; the same closure may succeed at once.
    var isConflict: Bool { sqlState == "40001" || sqlState == "40P01" }

    /// A kept statement is not what the session has (or has not at all).
    var isStaleStatement: Bool {
        ["26000", "42P05"].contains(sqlState) || sqlState == "0A000" && message.utf8.starts(with: "cached plan".utf8)
    }

    /// After a failover the old server may go on as a standby: another connection may lead to the new one.
    var isWrongServer: Bool { sqlState == "25006" }

    /// Trying to connect again cannot help before somebody changes something.
    var isPermanentRefusal: Bool { ["28000", "28P01", "3D000", "42501", Self.badAddress].contains(sqlState) }

    /// States that are not PostgreSQL's: the address does not read; nobody answers there.
    static let badAddress = "URL"
    static let unreachable = "08001"

    var isDamage: Bool { ["XX001", "XX002"].contains(sqlState) }

    /// The cause for the log, led by a name that an operator can look for.
    var cause: String {
        let detail = "\(sqlState.isEmpty ? "" : "\(sqlState) ")\(message)"
        return statement.isEmpty ? "\(name): \(detail)" : "\(name): \(detail): \(statement.prefix(200))"
    }

    private var name: String {
        switch sqlState {
        case "28P01", "28000": "wrong credentials"
        case "3D000": "no such database"
        case Self.badAddress: "wrong setting"
        case Self.unreachable: "the server cannot be reached"
        case "42501": "the user may not do this"
        case "42P01", "42703": "the schema is older than this program: run the migrations"
        case "53100": "the disk is full"
        case "53200": "the server is out of memory"
        case "53300": "the server has too many connections"
        case "57014": "the statement took too long"
        case "25P03": "the transaction was idle too long"
        case "25006": "the server is read-only"
        case "40001", "40P01": "transactions were in each other's way"
        case "57P01", "57P02", "57P03": "the server is stopping or starting"
        case "26000", "42P05": "prepared statements are lost; behind PgBouncer set POSTGRES_PREPARED_STATEMENTS=off"
        default:
            isDamage ? "the database is damaged" : isConnectionLost ? "the connection is lost" : "the database failed"
        }
    }
}

extension FaultReports {
    func error(of fault: PostgresFault) -> StoreError {
        if fault.sqlState == "23505" { return .alreadyExists }
        if fault.isDamage { return .damaged(reportID: report("the database is damaged", cause: fault.cause)) }
        return .unavailable(reportID: report("the database failed", cause: fault.cause))
    }
}
