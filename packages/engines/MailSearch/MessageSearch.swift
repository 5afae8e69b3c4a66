package import MailModel
package import MailPorts

/// Finds messages of one account by the index, and shows them as the store has them now.
///
/// The index may be behind: what has been expunged meanwhile is not shown, whatever the index says.
package struct MessageSearch: Sendable {
    /// Pages of hits that one call looks through, when a mailbox is asked for that few of them are in.
    private static let maximumRounds = 10

    package struct Page: Sendable {
        package var messages: [FoundMessage]
        /// Where the next page begins; nil after the last.
        package var next: SearchPosition?
    }

    private let source: any SearchSourceStore
    private let index: any SearchIndex

    package init(source: any SearchSourceStore, index: any SearchIndex) {
        (self.source, self.index) = (source, index)
    }

    /// - Parameters:
    ///   - mailbox: its name; messages elsewhere are left out.
    ///   - readable: mailboxes of the account that the reader may read; nil: all, for the account itself. What is elsewhere is left
    ///     out, and of what is there too, where else it is.
    ///   - limit: messages of a page, at most 500; a page may have fewer and still not be the last.
    package func messages(
        _ query: SearchQuery,
        mailbox: String?,
        within readable: Set<MailboxID>? = nil,
        after: SearchPosition?,
        limit: Int
    ) async throws(SearchFault) -> Page {
        var page = Page(messages: [], next: after)
        for _ in 0..<Self.maximumRounds {
            let hits = try await hits(query, after: page.next, limit: limit)
            let found = try await found(hits.map(\.email), of: query.account, within: readable)
            let shown = found.filter { message in
                mailbox == nil || message.places.contains { $0.name == mailbox }
            }
            let wanted = shown.prefix(limit - page.messages.count)
            page.messages += wanted
            if wanted.count < shown.count, let last = wanted.last {
                // The page is full within these hits: the next one goes on behind its last message.
                page.next = hits.first { $0.email == last.email }?.position
                return page
            }
            page.next = hits.count == limit ? hits.last?.position : nil
            if page.next == nil || page.messages.count == limit { break }
        }
        return page
    }

    private func hits(
        _ query: SearchQuery,
        after: SearchPosition?,
        limit: Int
    ) async throws(SearchFault) -> [SearchHit] {
        do throws(SearchIndexError) {
            return try await index.search(query, after: after, limit: limit)
        } catch {
            throw .index(error)
        }
    }

    private func found(
        _ emails: [EmailID],
        of account: AccountID,
        within readable: Set<MailboxID>?
    ) async throws(SearchFault) -> [FoundMessage] {
        let found: [FoundMessage]
        do throws(StoreError) {
            found = try await source.found(emails, of: account)
        } catch {
            throw .store(error)
        }
        guard let readable else { return found }
        return found.compactMap { message in
            var message = message
            message.places.removeAll { !readable.contains($0.mailbox) }
            return message.places.isEmpty ? nil : message
        }
    }
}
