/// The search index, where there is one.
///
/// In the order that `config list` shows. The names are those that deployments use.
package struct SearchSettings: Sendable {
    package let openSearchURL = Setting.optionalText(
        "OPENSEARCH_URL",
        .cluster,
        "https://host:port of an OpenSearch service; without it nothing is indexed and /api/search is not served"
    )
    package let openSearchUsername = Setting.optionalText("OPENSEARCH_USERNAME", .cluster, "User of OpenSearch")
    package let openSearchPassword = Setting.secret("OPENSEARCH_PASSWORD", .cluster, "Password of OpenSearch")
    package let openSearchAuthority = Setting.optionalPath(
        "OPENSEARCH_CA_FILE",
        .cluster,
        "PEM file with the authority of OpenSearch's certificate; the system's by default"
    )
    package let openSearchIndex = Setting.text(
        "OPENSEARCH_INDEX",
        .cluster,
        "oonrumail-mail",
        "Name of the index, in lower-case letters, digits and hyphens"
    )
    package let openSearchShards = Setting.integer(
        "OPENSEARCH_SHARDS",
        .cluster,
        3,
        1...1_024,
        "Shards of the index when it is made"
    )
    package let openSearchReplicas = Setting.integer(
        "OPENSEARCH_REPLICAS",
        .cluster,
        1,
        0...10,
        "Copies of each shard when the index is made"
    )
    package let searchInterval = Setting.duration(
        "OONRUMAIL_SEARCH_INTERVAL",
        .cluster,
        .seconds(2),
        .milliseconds(100) ... .seconds(3_600),
        "How often it is looked for messages to index"
    )
}

extension PlatformSettings {
    package var usesOpenSearch: Bool { self.openSearchURL != nil }

    var searchContradictions: [String] {
        guard let url = self.openSearchURL else { return [] }
        var found: [String] = []
        if ServiceURL(url, schemes: ["http", "https"])?.isBare != true {
            found.append("OPENSEARCH_URL is '\(SettingText.shown(url))' but takes https://host:port")
        }
        if self.openSearchUsername != nil, self.openSearchPassword == nil {
            found.append("OPENSEARCH_USERNAME needs OPENSEARCH_PASSWORD")
        }
        let name = Array(self.openSearchIndex.utf8)
        let isName = name.first.map { (97...122).contains($0) } == true && name.count <= 200
        if !isName || !name.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }) {
            found.append("OPENSEARCH_INDEX takes lower-case letters, digits and hyphens, beginning with a letter")
        }
        return found
    }
}
