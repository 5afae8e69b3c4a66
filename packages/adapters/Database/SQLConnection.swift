package import MailPorts

/// A value that goes into a statement.
package enum SQLValue: Sendable {
    case null
    case integer(Int64)
    case text(String)
    case bytes([UInt8])

    package static func optional(_ value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
    package static func optional(_ value: Int64?) -> SQLValue { value.map(SQLValue.integer) ?? .null }
}

extension SQLValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(stringLiteral value: String) { self = .text(value) }
}

/// The row that a query stands on; columns are counted from 0.
///
/// Valid only inside the closure that it is given to.
package protocol SQLRow {
    func isNull(_ column: Int) -> Bool
    func integer(_ column: Int) -> Int64
    func text(_ column: Int) -> String
    func bytes(_ column: Int) -> [UInt8]
}

extension SQLRow {
    package func optionalInteger(_ column: Int) -> Int64? { isNull(column) ? nil : integer(column) }
    package func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
}

/// A statement with its values.
package struct SQLStatement: Sendable {
    package var sql: String
    package var values: [SQLValue]
    package init(_ sql: String, _ values: [SQLValue]) { (self.sql, self.values) = (sql, values) }
}

/// One connection in one transaction, used on the thread that it is handed to.
///
/// Statements are written once for every engine: `$1` placeholders in any order, `ON CONFLICT`, `RETURNING`, times as
/// integer microseconds. What differs between engines is in `SQLDialect`. After a statement has failed the closure
/// must end: nothing of its transaction is kept.
package protocol SQLConnection: AnyObject {
    var dialect: SQLDialect { get }

    /// Runs a statement that returns no rows; gives how many it changed. A broken unique constraint throws `.alreadyExists`.
    @discardableResult
    func execute(_ sql: String, _ values: [SQLValue]) throws(StoreError) -> Int

    /// Runs a statement whose outcome nothing in the closure depends on, in order with the others. An engine across a
    /// network sends it with what comes next: its failure comes out of a later call, or of the commit.
    func post(_ sql: String, _ values: [SQLValue]) throws(StoreError)

    /// Calls `row` for each row.
    func query(_ sql: String, _ values: [SQLValue], _ row: (any SQLRow) throws(StoreError) -> Void) throws(StoreError)

    /// Several statements in one round trip; `row` gets the statement's place and its row.
    func queryEach(
        _ statements: [SQLStatement],
        _ row: (Int, any SQLRow) throws(StoreError) -> Void
    ) throws(StoreError)

    /// Waits until no other transaction holds that turn, and holds it until this one ends. With one writer there is
    /// nothing to wait for.
    func takeTurn(_ turn: SQLTurn) throws(StoreError)
}

/// What only one transaction at a time may do.
package enum SQLTurn: Int64, Sendable {
    /// Change the schema.
    case migration = 0x6F6F_6E01
    /// Number notices, which are read in the order of their numbers.
    case notices = 0x6F6F_6E02
    /// Change who manages an organisation or the platform; taken before rows are locked.
    case people = 0x6F6F_6E03
    /// Make a key that signs tokens.
    case tokenKeys = 0x6F6F_6E04
    /// Chain a line to the audit trail.
    case audit = 0x6F6F_6E10
}

extension SQLConnection {
    @discardableResult
    package func execute(_ sql: String) throws(StoreError) -> Int { try execute(sql, []) }

    /// Every row, mapped.
    package func all<Value>(
        _ sql: String,
        _ values: [SQLValue] = [],
        _ map: (any SQLRow) throws(StoreError) -> Value
    ) throws(StoreError) -> [Value] {
        var found: [Value] = []
        try query(sql, values) { row throws(StoreError) in found.append(try map(row)) }
        return found
    }

    /// The first row, mapped; nil when there is none.
    package func first<Value>(
        _ sql: String,
        _ values: [SQLValue] = [],
        _ map: (any SQLRow) throws(StoreError) -> Value
    ) throws(StoreError) -> Value? {
        var found: Value?
        try query(sql, values) { row throws(StoreError) in
            if found == nil { found = try map(row) }
        }
        return found
    }
}

/// A database as the store sees it: closures that run in transactions on database threads.
package protocol SQLDatabase: Sendable {
    var dialect: SQLDialect { get }
    /// Runs the closure in a transaction of its own (which may share its commit with others) and returns when it is on
    /// stable storage. A throwing closure leaves nothing behind. It may run more than once.
    ///
    /// - Parameter account: the one whose rows it changes, when it is one: its writes take turns anyway, and an engine
    ///   with parallel writers puts those that wait into one transaction.
    @discardableResult
    func write<Value: Sendable>(
        of account: Int64?,
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value
    /// Runs the closure on one consistent view.
    ///
    /// - Parameter freshness: what the closure can do without; an engine with read replicas may use one.
    func read<Value: Sendable>(
        _ freshness: SQLFreshness,
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value
    /// Writes a consistent copy of the database to a new file.
    func copy(toFile path: String) async throws(StoreError)
    /// What the engine itself finds wrong with its files; empty when they are sound.
    func checkIntegrity() async throws(StoreError) -> [String]
    /// Calls the handler, from then on, soon after another process has committed a change (true), and at every other look of a
    /// server that many share (false): a bus beside it may have lost what it carried. At most one handler.
    func onForeignCommit(_ handler: @escaping @Sendable (_ isNew: Bool) -> Void)
    func close() async
}

package enum SQLFreshness: Sendable {
    /// Everything acknowledged is seen.
    case latest
    /// May lag by seconds: listings for people.
    case recent
}

extension SQLDatabase {
    @discardableResult
    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await write(of: nil, body)
    }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await read(.latest, body)
    }
}
