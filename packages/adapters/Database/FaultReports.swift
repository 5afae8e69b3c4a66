import GRDB
import GRDBSQLite
package import Logging
import MailPorts
import Synchronization

/// Logs the cause of a fault once, under an id that the caller may show instead of the cause.
package final class FaultReports: Sendable {
    package let logger: Logger
    private let count = Atomic<UInt64>(0)
    private let prefix: String

    package init(logger: Logger) {
        self.logger = logger
        prefix = String(UInt32.random(in: 0 ... .max), radix: 36)
    }

    /// SQLITE_CONSTRAINT_TRIGGER: a fence around the tables, not a rule about the rows.
    private static let raisedByTrigger: Int32 = 19 | 7 << 8

    /// A report that is not about SQL.
    package func report(_ message: String, cause: String) -> String {
        let id = "\(prefix)-\(count.add(1, ordering: .relaxed).newValue)"
        logger.error("\(message)", metadata: ["report": "\(id)", "cause": "\(cause)"])
        return id
    }

    /// The engine ended the transaction by itself; the statement that made it do so has been reported.
    func lostTransaction() -> StoreError {
        .unavailable(reportID: report("the transaction was lost", cause: "the engine rolled it back"))
    }

    func fault(of error: any Error, doing sql: String) -> StoreError {
        guard let error = error as? DatabaseError else {
            return .unavailable(reportID: report("the database failed", cause: "\(type(of: error))"))
        }
        return fault(code: error.extendedResultCode.rawValue, message: error.message ?? "", doing: sql)
    }

    /// - Parameter sql: the statement's text, which holds no values.
    func fault(code: Int32, message: String, doing sql: String) -> StoreError {
        switch code & 0xFF {
        case SQLITE_CONSTRAINT where code != Self.raisedByTrigger: return .alreadyExists
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return .damaged(
                reportID: report("the database is damaged", cause: "\(code) \(message): \(sql.prefix(200))")
            )
        default:
            return .unavailable(
                reportID: report("the database failed", cause: "\(code) \(message): \(sql.prefix(200))")
            )
        }
    }
}
