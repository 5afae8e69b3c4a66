import CLibPQ

/// Why a question to somebody's database has no answer.
package enum PostgresReadFault: Error, Equatable, Sendable {
    case unreachable
    /// Its user, password or database is refused.
    case refused
    case tooSlow
    /// The statement failed; its SQLSTATE.
    case failed(String)
    /// More rows, or more octets, than are read.
    case tooMany
}

/// Reads from a database that is not the platform's own: one statement at a time, in a transaction that cannot write.
///
/// Used by one thread at a time; every wait has a limit.
package final class PostgresReader {
    /// Octets of a row.
    package static let longestRow = 64 << 10

    private let link: PostgresLink
    /// Nothing more can be done with it.
    package var isLost: Bool { link.isLost }

    /// Whether libpq can read it as an address; it is not connected to.
    package static func isAddress(_ url: String) -> Bool {
        let schemes = ["postgres://", "postgresql://"]
        guard schemes.contains(where: { url.utf8.starts(with: $0.utf8) }) else { return false }
        guard let parsed = PQconninfoParse(url, nil) else { return false }
        PQconninfoFree(parsed)
        return true
    }

    package init(url: String, seconds: Int) throws(PostgresReadFault) {
        var options = PostgresOptions()
        options.url = url
        options.connectTimeout = seconds
        options.statementTimeout = Double(seconds)
        options.answerGrace = 2
        options.applicationName = "oonrumail directory"
        // Behind a pooler too, and no statement of ours stays there.
        options.keepsStatements = false
        do throws(PostgresFault) {
            link = try PostgresLink(options)
        } catch {
            throw Self.fault(error)
        }
    }

    /// The first column of every row as text; nil where it is NULL.
    ///
    /// - Parameter values: bound, never part of the statement's text.
    package func texts(
        _ statement: String,
        _ values: [SQLValue],
        atMost limit: Int
    ) throws(PostgresReadFault) -> [String?] {
        do throws(PostgresFault) {
            try link.send("BEGIN READ ONLY", [], isKept: false)
            try link.send(PostgresLink.limits, link.limitValues(isLocal: true), isKept: false)
            try link.send(statement, values, isKept: true)
            try link.send("ROLLBACK", [], isKept: false)
            let results = try link.settle()
            guard let result = results.first else { throw PostgresFault.lost("no result") }
            return try Self.texts(of: result, atMost: limit)
        } catch {
            let fault = Self.fault(error)
            // What came after the failure has not been run.
            if !link.isLost { try? rollBack() }
            throw fault
        }
    }

    private func rollBack() throws(PostgresFault) {
        try link.send("ROLLBACK", [], isKept: false)
        _ = try link.settle()
    }

    private static func texts(of result: PostgresResult, atMost limit: Int) throws(PostgresFault) -> [String?] {
        let tooMany = PostgresFault(sqlState: "54000", message: "")
        guard Int(result.rows) <= limit else { throw tooMany }
        var found: [String?] = []
        for index in 0..<result.rows {
            let row = PostgresRow(result: result, row: index)
            guard !row.isNull(0) else {
                found.append(nil)
                continue
            }
            let text = row.text(0)
            guard text.utf8.count <= longestRow else { throw tooMany }
            found.append(text)
        }
        return found
    }

    private static func fault(_ fault: PostgresFault) -> PostgresReadFault {
        switch fault.sqlState {
        case "57014": .tooSlow
        case "54000": .tooMany
        case "53300", "57P01", "57P02", "57P03", PostgresFault.unreachable, "": .unreachable
        case let state where fault.isPermanentRefusal && state != "42501": .refused
        case let state: .failed(state)
        }
    }
}
