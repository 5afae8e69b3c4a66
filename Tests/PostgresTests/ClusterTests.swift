import PostgresTesting
import Testing

@Suite("PostgreSQL: a private cluster") struct ClusterTests {
    @Test(.enabled(if: PostgresCluster.isInstalled, "\(PostgresCluster.absence)")) func itAnswers() throws {
        let cluster = try #require(PostgresCluster.shared)
        #expect(try cluster.psql("SELECT 41 + 1") == "42")
    }
}
