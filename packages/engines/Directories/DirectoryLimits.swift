/// Bounds on what is asked of directories.
package struct DirectoryLimits: Sendable {
    /// Questions to one directory at once, of one process.
    package var concurrency = 4
    /// Questions to one directory that may wait for their turn; more are answered as if it were away.
    package var waiting = 64
    /// A directory that did not answer is not asked for so long.
    package var retrySeconds: Int64 = 5
    /// Recipients that a directory does not have are remembered for so long.
    package var absentSeconds: Int64 = 60
    /// Recipients that are remembered.
    package var absentCapacity = 10_000
    /// People of one directory.
    package var people = 50_000
    /// Tests and runs by hand of one connection in a minute.
    package var testsPerMinute = 10
    /// Between two runs; each adds up to a tenth, so that they do not come together.
    package var syncSeconds: Int64 = 3_600
    /// Octets of names, attributes and addresses of a connection, of a secret, and of certificates.
    package static let longestText = 512
    package static let longestSecret = 1_024
    package static let longestAuthority = 32_768
    /// Alias attributes of a connection.
    package static let mostAttributes = 8
    package init() {}
}
