package import MailPorts

/// Why a search or a pass of the indexer did not come to its end (transient, but for a bad position).
package enum SearchFault: Error, Equatable, Sendable {
    case store(StoreError)
    case index(SearchIndexError)
}
