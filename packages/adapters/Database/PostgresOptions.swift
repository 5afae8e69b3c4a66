/// Where a PostgreSQL database is, and what this process may take of it.
package struct PostgresOptions: Sendable {
    package enum TLSMode: String, CaseIterable, Sendable {
        case disable, allow, prefer, require
        case verifyAuthority = "verify-ca"
        case verifyFull = "verify-full"
    }

    /// `postgres://user:password@host:port/database?…`; when given, the other names of the place count for nothing.
    package var url: String?
    package var host: String?
    package var port = 5432
    package var user: String?
    package var password: String?
    package var database = "oonrumail"
    package var tls = TLSMode.prefer
    /// The authority that the server's certificate is checked against; libpq's own default otherwise.
    package var authorityFile: String?
    package var applicationName = "oonrumail"
    /// Any server that answers will do, also one that takes no writes.
    package var isReplica = false

    /// Connections, each with a thread of its own: about four for each core of the server, shared by all processes.
    package var connections = 8
    /// Closures that may wait for a connection; more are refused as `.unavailable`.
    package var maximumWaiting = 10_000
    /// Seconds that a closure waits for a connection, and a connection for the server to come back.
    package var waitLimit = 10.0
    package var connectTimeout = 5
    /// Seconds that opening waits for a server that is away; what cannot become right by itself is refused at once.
    package var startWait = 0.0
    /// Seconds that the server gives one statement.
    package var statementTimeout = 30.0
    /// Seconds after which a statement that should have ended by then counts as lost on the way.
    package var answerGrace = 5.0
    /// Statements prepared by name and kept.
    ///
    /// Off behind a pooler that gives each transaction another server connection; then no state of a session is used at
    /// all.
    package var keepsStatements = true
    /// Named statements of one connection.
    package var maximumStatements = 400
    /// Times that a transaction is run again after a deadlock or a conflict, or after its connection was found dead.
    package var maximumAttempts = 6
    /// Writes of one account in one transaction.
    package var maximumBatch = 64
    /// Octets and statements that wait to be sent together.
    package var maximumPipelineOctets = 1 << 20
    package var maximumPipelineStatements = 256
    /// Seconds between looks for commits of other processes.
    package var foreignCommitInterval = 1.0

    package init() {}

    /// The same place in settings of a read replica.
    package func replica(host: String) -> PostgresOptions {
        var copy = self
        copy.host = host
        copy.url = nil
        copy.isReplica = true
        return copy
    }
}

extension PostgresOptions: CustomStringConvertible {
    /// Without user and password.
    package var description: String {
        url != nil ? "the database of DATABASE_URL" : "\(host ?? "the local socket"):\(port)/\(database)"
    }
}
