/// Where OpenSearch is, and what this process may take of it.
package struct OpenSearchOptions: Sendable {
    /// `https://host:port` or `http://host:port`, without a path.
    package var url: String
    package var username: String?
    package var password: String?
    /// PEM file with the authority of the server's certificate; the system's authorities otherwise.
    package var authorityFile: String?
    /// The alias that is read and written; the index behind it is `NAME-1`.
    package var index = "oonrumail-mail"
    /// Shards of an index that is made; all mail of one account lies in one of them.
    package var shards = 3
    package var replicas = 1

    package var connectTimeout: Duration = .seconds(3)
    /// One request, whatever comes.
    package var requestTimeout: Duration = .seconds(30)
    /// Octets of an answer.
    package var maximumAnswer = 8 << 20
    package var connections = 8

    package init(url: String) { self.url = url }
}

extension OpenSearchOptions: CustomStringConvertible {
    /// Without the password.
    package var description: String { "\(index) at \(url)" }
}
