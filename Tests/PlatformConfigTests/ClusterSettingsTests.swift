import PlatformConfig
import Testing

struct ClusterRow: Sendable, CustomTestStringConvertible {
    let given: [String: String]
    /// Begins the only problem; nil for none.
    let problem: String?
    init(_ given: [String: String], _ problem: String? = nil) { (self.given, self.problem) = (given, problem) }
    var testDescription: String {
        given.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }
}

@Suite("Settings of Redis and S3") struct ClusterSettingsTests {
    private static let key = ["S3_ACCESS_KEY_ID": "k", "S3_SECRET_ACCESS_KEY": "hush"]

    @Test(
        "what does not go together is one line, without secrets",
        arguments: [
            ClusterRow(["REDIS_HOST": "redis.example.test", "REDIS_DB": "3", "REDIS_PASSWORD": "hush"]),
            ClusterRow(["REDIS_HOST": "a,b:7000,c", "REDIS_CLUSTER": "true"]),
            ClusterRow(["REDIS_HOST": "redis", "REDIS_PORT": "tcp://10.0.0.7:6379"]),
            ClusterRow(["REDIS_URL": "rediss://mail:hu%2Fsh@redis.example.test:6380/2"]),
            ClusterRow(["REDIS_URL": "http://redis.example.test"], "REDIS_URL does not read"),
            ClusterRow(["REDIS_URL": "redis://:hush@redis.example.test:0"], "REDIS_URL does not read"),
            ClusterRow(["REDIS_URL": "redis://:hush@redis.example.test/mail"], "REDIS_URL ends in"),
            ClusterRow(["REDIS_URL": "redis://mail@redis.example.test"], "the user of Redis needs a password"),
            ClusterRow(["REDIS_HOST": "a,b"], "several hosts of Redis"),
            ClusterRow(["REDIS_HOST": "a,b", "REDIS_CLUSTER": "true", "REDIS_DB": "1"], "a cluster of Redis"),
            ClusterRow(key.merging(["S3_ENDPOINT": "https://s3.example.test"]) { $1 }),
            ClusterRow(key.merging(["S3_ENDPOINT": "http://[::1]:9000"]) { $1 }),
            ClusterRow(key.merging(["S3_ENDPOINT": "s3.example.test"]) { $1 }, "S3_ENDPOINT is 's3.example.test'"),
            ClusterRow(key.merging(["S3_ENDPOINT": "https://s3.example.test/mail"]) { $1 }, "S3_ENDPOINT is"),
            ClusterRow(["S3_ENDPOINT": "https://s3.example.test"], "S3_ENDPOINT needs S3_ACCESS_KEY_ID"),
        ]
    )
    func together(row: ClusterRow) throws {
        var given = row.given
        given["OONRUMAIL_ENV_FILE"] = ""
        var problems: [String] = []
        do {
            let settings = try PlatformSettings.load(SettingSources(environment: given))
            #expect(!SettingsListing.text(settings).contains("hush"))
        } catch {
            problems = error.problems
        }
        #expect(problems.count == (row.problem == nil ? 0 : 1))
        if let problem = row.problem { #expect(problems.first?.hasPrefix(problem) == true) }
        #expect(!problems.joined().contains("hush"))
    }
}
