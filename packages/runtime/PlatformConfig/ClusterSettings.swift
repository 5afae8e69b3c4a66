/// Redis and S3, where several processes serve one platform.
///
/// In the order that `config list` shows. The names are those that deployments use.
package struct ClusterSettings: Sendable {
    package let redisURL = Setting.secret(
        "REDIS_URL",
        .cluster,
        "redis://user:password@host:port/database, rediss:// for TLS; wins over the REDIS_ names of the place"
    )
    package let redisHost = Setting.optionalText(
        "REDIS_HOST",
        .cluster,
        "Host of Redis, or hosts of its cluster between commas; without it limits and changes stay in the process"
    )
    package let redisPort = Setting.servicePort("REDIS_PORT", .cluster, 6_379, "Port of Redis")
    package let redisUsername = Setting.optionalText("REDIS_USERNAME", .cluster, "User of Redis' access list")
    package let redisPassword = Setting.secret("REDIS_PASSWORD", .cluster, "Password of Redis")
    package let redisDatabase = Setting.integer("REDIS_DB", .cluster, 0, 0...10_000, "Number of the database in Redis")
    package let redisTLS = Setting.boolean("REDIS_TLS", .cluster, false, "Encrypt the connections to Redis")
    package let redisAuthority = Setting.optionalPath(
        "REDIS_CA_FILE",
        .cluster,
        "PEM file with the authority of Redis' certificate; the system's by default"
    )
    package let redisIsCluster = Setting.boolean("REDIS_CLUSTER", .cluster, false, "Redis is a cluster of nodes")
    package let redisTimeout = Setting.duration(
        "REDIS_TIMEOUT",
        .cluster,
        .seconds(1),
        .milliseconds(50) ... .seconds(30),
        "Time that Redis has for an answer"
    )
    package let s3Endpoint = Setting.optionalText(
        "S3_ENDPOINT",
        .cluster,
        "https://host or http://host:port of an S3 service; without it large messages are files in the data folder"
    )
    package let s3Bucket = Setting.text(
        "S3_ATTACHMENTS_BUCKET",
        .cluster,
        "oonrumail-attachments",
        "Bucket that holds large messages"
    )
    package let s3Region = Setting.text("S3_REGION", .cluster, "us-east-1", "Region of the bucket")
    package let s3AccessKeyID = Setting.optionalText("S3_ACCESS_KEY_ID", .cluster, "Name of the key to the bucket")
    package let s3SecretAccessKey = Setting.secret("S3_SECRET_ACCESS_KEY", .cluster, "The key to the bucket")
    package let s3UsesPathStyle = Setting.boolean(
        "S3_PATH_STYLE",
        .cluster,
        true,
        "Name the bucket in the path rather than in the host's name"
    )
    package let s3Authority = Setting.optionalPath(
        "S3_CA_FILE",
        .cluster,
        "PEM file with the authority of the service's certificate; the system's by default"
    )
}

extension PlatformSettings {
    var clusterContradictions: [String] {
        var found: [String] = []
        if let url = self.redisURL, ServiceURL(url.text, schemes: ["redis", "rediss"]) == nil {
            found.append("REDIS_URL does not read as redis://user:password@host:port/database")
        }
        let url = self.redisURL.flatMap { ServiceURL($0.text, schemes: ["redis", "rediss"]) }
        if let path = url?.path, !path.isEmpty, SettingText.integer(path.utf8).map({ $0 > 10_000 }) ?? true {
            found.append("REDIS_URL ends in something else than the number of a database, 0 to 10000")
        }
        let hosts = url?.host ?? self.redisHost ?? ""
        if hosts.utf8.contains(44), !self.redisIsCluster {
            found.append("several hosts of Redis are nodes of its cluster: set REDIS_CLUSTER=true, or name one")
        }
        if self.redisIsCluster, url.flatMap({ Int($0.path) }) ?? self.redisDatabase != 0 {
            found.append("a cluster of Redis has no database but 0")
        }
        if (url?.user ?? self.redisUsername) != nil, url?.password ?? self.redisPassword?.text == nil {
            found.append("the user of Redis needs a password: REDIS_PASSWORD, or within REDIS_URL")
        }
        if let endpoint = self.s3Endpoint {
            if ServiceURL(endpoint, schemes: ["http", "https"])?.isBare != true {
                found.append(
                    "S3_ENDPOINT is '\(SettingText.shown(endpoint))' but takes https://host or http://host:port"
                )
            }
            if self.s3AccessKeyID == nil || self.s3SecretAccessKey == nil {
                found.append("S3_ENDPOINT needs S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY")
            }
        }
        return found
    }
}
