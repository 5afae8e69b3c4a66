/// Signing keys whose records lie in the operator's zone, because their domains point there.
package protocol DelegatedKeyStore: Sendable {
    /// Keys with one of the selectors, in every state, of domains that are verified or suspended; by domain and selector.
    ///
    /// - Parameters:
    ///   - domain: the last one of the page before; nil for the first page.
    ///   - limit: domains of one page.
    func keys(named selectors: [String], afterDomain domain: String?, limit: Int) async throws(StoreError) -> [DKIMKey]
}
