import CLibPQ

/// Places for stores on the shared cluster: a role with a schema of its own name, which is where its tables go. A database
/// each would take a hundred times as long.
package actor TestPlaces {
    package static let shared = TestPlaces()
    package static let database = "postgres"
    private var count = 0
    private var connection: OpaquePointer?

    /// The name of a new role; over the loopback its password is the name again.
    package func make() throws -> String {
        guard let cluster = PostgresCluster.shared else {
            throw PostgresCluster.Fault(description: PostgresCluster.absence)
        }
        if connection == nil {
            connection = PQconnectdb(
                "host=\(cluster.folder) port=\(cluster.port) user=postgres dbname=\(Self.database)"
            )
        }
        count += 1
        let name = "test_\(count)"
        let result = PQexec(
            connection,
            "CREATE ROLE \(name) LOGIN PASSWORD '\(name)'; CREATE SCHEMA AUTHORIZATION \(name)"
        )
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_COMMAND_OK else {
            throw PostgresCluster.Fault(description: String(cString: PQerrorMessage(connection)))
        }
        return name
    }
}
