import Database
import DirectoryLDAP
import DirectorySQL
import MailModel
import MailPorts
import PlatformConfig

/// Directories of every kind behind the port.
final class DirectoryClients: PeopleDirectoryAsking {
    private let ldap: LDAPClient
    private let sql: SQLDirectory

    init(_ settings: PlatformSettings, resolver: @escaping @Sendable () async throws -> any DNSResolving) {
        let seconds = Int(settings.directoryTimeout.components.seconds)
        var options = LDAPClientOptions()
        options.seconds = seconds
        options.networks = settings.directoryNetworks
        options.takesPlain = settings.directoryPlain
        options.idle = settings.directoryConcurrency
        ldap = LDAPClient(options, resolver: resolver)
        var databases = SQLDirectoryOptions()
        databases.seconds = seconds
        databases.idle = settings.directoryConcurrency
        sql = SQLDirectory(
            databases,
            isAddress: { PostgresReader.isAddress($0) },
            open: { address, seconds throws(DirectoryFault) in try PostgresRows.open(address, seconds) }
        )
    }

    func objection(to directory: OpenDirectory) -> ConnectionObjection? {
        switch directory.connection.source {
        case .ldap(let source): ldap.objection(to: source)
        case .sql(let source): sql.objection(to: source, secret: directory.secret)
        }
    }

    func find(
        _ address: EmailAddress,
        in directory: OpenDirectory
    ) async throws(DirectoryFault) -> [DirectoryEntry] {
        switch directory.connection.source {
        case .ldap(let source): try await ldap.find(address, source, in: directory)
        case .sql(let source): try await sql.find(address, source, in: directory)
        }
    }

    func verify(
        _ password: String,
        of entry: DirectoryEntry?,
        in directory: OpenDirectory
    ) async throws(DirectoryFault) -> Bool {
        switch directory.connection.source {
        case .ldap(let source): try await ldap.verify(password, of: entry, source, in: directory)
        case .sql(let source): try await sql.verify(password, of: entry, source, in: directory)
        }
    }

    func everyone(
        in directory: OpenDirectory,
        atMost limit: Int
    ) async throws(DirectoryFault) -> [DirectoryEntry] {
        switch directory.connection.source {
        case .ldap(let source): try await ldap.everyone(source, in: directory, atMost: limit)
        case .sql(let source): try await sql.everyone(source, in: directory, atMost: limit)
        }
    }
}

/// A PostgreSQL database as a directory.
private struct PostgresRows: SQLReading {
    let reader: PostgresReader

    static func open(_ address: String, _ seconds: Int) throws(DirectoryFault) -> any SQLReading {
        do throws(PostgresReadFault) {
            return PostgresRows(reader: try PostgresReader(url: address, seconds: seconds))
        } catch {
            throw fault(error)
        }
    }

    var isLost: Bool { reader.isLost }

    func texts(
        _ statement: String,
        _ parameters: SQLParameters,
        atMost limit: Int
    ) throws(DirectoryFault) -> [String?] {
        let values = parameters.texts.map { SQLValue.text($0) } + [.integer(parameters.limit)]
        do throws(PostgresReadFault) {
            return try reader.texts(statement, values, atMost: limit)
        } catch {
            throw Self.fault(error)
        }
    }

    private static func fault(_ fault: PostgresReadFault) -> DirectoryFault {
        switch fault {
        case .unreachable: .unreachable
        case .refused: .secretRefused
        case .tooSlow: .tooSlow
        case .failed(let state): .malformed("sqlstate_\(state)")
        case .tooMany: .tooMany
        }
    }
}
