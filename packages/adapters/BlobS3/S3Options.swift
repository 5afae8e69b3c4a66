/// Where the bucket is, and what this process may take of it.
package struct S3Options: Sendable {
    /// `https://host` or `http://host:port`, without a path.
    package var endpoint: String
    package var bucket: String
    package var region = "us-east-1"
    package var accessKeyID: String
    package var secretAccessKey: String
    /// `endpoint/bucket/key` instead of `bucket.endpoint/key`; what most servers that are not Amazon's take.
    package var usesPathStyle = true
    /// PEM file with the authority of the server's certificate; the system's authorities otherwise.
    package var authorityFile: String?
    /// Before the names of all objects.
    package var prefix = "blobs/"

    package var connectTimeout: Duration = .seconds(3)
    /// Silence of the server that counts as lost.
    package var readTimeout: Duration = .seconds(15)
    /// One attempt, whatever comes.
    package var attemptTimeout: Duration = .seconds(120)
    package var connections = 32
    /// Attempts of one request; only what may pass by itself is tried again.
    package var maximumAttempts = 4
    package var firstRetry: Duration = .milliseconds(100)
    /// Octets of a part; larger blobs are sent in parts of that size, so a process holds one part of each at most.
    package var partSize = 8 << 20
    /// Octets that one read may give.
    package var maximumRead = 1 << 30
    /// Objects are named by the day of their put: see `BlobName`.
    package var dayLength: Int64 = 86_400
    /// Places of blobs that are remembered.
    package var maximumKnown = 50_000

    package init(endpoint: String, bucket: String, accessKeyID: String, secretAccessKey: String) {
        self.endpoint = endpoint
        self.bucket = bucket
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
    }
}

extension S3Options: CustomStringConvertible {
    /// Without the keys.
    package var description: String { "\(bucket) at \(endpoint)" }
}
