package import Logging
package import MailModel
package import MailPorts
import MessageFormat
import Metrics
import NIOCore

/// Brings the search index up to date with the store, account by account.
///
/// What is in the index is noted after it is there, so that a process that dies in between does some of it again and leaves nothing out.
package struct SearchIndexer: Sendable {
    package struct Limits: Sendable {
        /// Messages that go to the index at once.
        package var batch = 50
        /// Octets of a message that are read for its text.
        package var messageBytes = 8 << 20
        /// Octets of text in one request.
        package var requestBytes = 4 << 20
        /// Accounts that are asked for at once.
        package var accounts = 100
        /// Seconds for which one process has the index to itself.
        package var leaseSeconds: Int64 = 60
        package init() {}
    }

    private static let task = "search-index"

    private let source: any SearchSourceStore
    private let mailboxes: any MailboxStore
    private let leases: any DomainStore
    private let index: any SearchIndex
    private let limits: Limits
    private let logger: Logger

    package init(
        source: any SearchSourceStore,
        mailboxes: any MailboxStore,
        leases: any DomainStore,
        index: any SearchIndex,
        limits: Limits = Limits(),
        logger: Logger = Logger(label: "search")
    ) {
        self.source = source
        self.mailboxes = mailboxes
        self.leases = leases
        self.index = index
        self.limits = limits
        self.logger = logger
    }

    /// Indexes what is new everywhere; does nothing while another process does it.
    ///
    /// - Parameter holder: names this process.
    /// - Returns: messages that went to the index or out of it.
    package func pass(holder: String, clock: any WallClock) async throws(SearchFault) -> Int {
        let lease = UpkeepLease(
            Self.task,
            in: leases,
            holder: holder,
            seconds: limits.leaseSeconds,
            clock: clock
        )
        guard try await holds(lease) else { return 0 }
        let done: Int
        do throws(SearchFault) {
            done = try await indexAll(lease)
        } catch {
            try? await lease.giveBack()
            throw error
        }
        try await inStore { () async throws(StoreError) in try await lease.giveBack() }
        return done
    }

    private func indexAll(_ lease: UpkeepLease) async throws(SearchFault) -> Int {
        try await inIndex { () async throws(SearchIndexError) in try await index.prepare() }
        var done = 0
        var last: AccountID?
        while !Task.isCancelled {
            let after = last
            let accounts = try await inStore { () async throws(StoreError) in
                try await source.accountsToIndex(after: after, limit: limits.accounts)
            }
            guard let end = accounts.last else { break }
            for account in accounts {
                guard try await holds(lease) else { return done }
                done += try await index(account)
            }
            last = end
        }
        return done
    }

    private func holds(_ lease: UpkeepLease) async throws(SearchFault) -> Bool {
        try await inStore { () async throws(StoreError) in try await lease.holds() }
    }

    /// All that is new of one account.
    private func index(_ account: AccountID) async throws(SearchFault) -> Int {
        var done = 0
        while !Task.isCancelled {
            let work = try await inStore { () async throws(StoreError) in
                try await source.indexWork(of: account, limit: limits.batch)
            }
            if work.isGone || work.startsAnew {
                try await inIndex { () async throws(SearchIndexError) in try await index.forget(account) }
            }
            if !work.isGone { try await send(work) }
            try await inStore { () async throws(StoreError) in try await source.indexed(work) }
            done += work.emails.count + work.removed.count
            Counter(label: "oonrumail_search_indexed_total").increment(by: work.emails.count)
            guard !work.isLast else { break }
        }
        return done
    }

    private func send(_ work: IndexWork) async throws(SearchFault) {
        var documents: [SearchDocument] = []
        var size = 0
        for email in work.emails {
            guard let document = try await document(email, of: work.account) else { continue }
            documents.append(document)
            size += document.body.utf8.count
            guard size >= limits.requestBytes else { continue }
            try await apply(documents, [], work.account)
            (documents, size) = ([], 0)
        }
        guard !documents.isEmpty || !work.removed.isEmpty else { return }
        try await apply(documents, work.removed, work.account)
    }

    private func apply(
        _ documents: [SearchDocument],
        _ gone: [EmailID],
        _ account: AccountID
    ) async throws(SearchFault) {
        try await inIndex { () async throws(SearchIndexError) in
            try await index.apply(documents, removing: gone, of: account)
        }
    }

    /// nil for a message that is gone already; one that cannot be read is found by its header.
    private func document(_ email: IndexWork.Email, of account: AccountID) async throws(SearchFault) -> SearchDocument?
    {
        var text = IndexedText(of: ParsedMessage(parsing: []), limit: 0)
        do throws(StoreError) {
            let buffer = try await mailboxes.read(
                email.id,
                of: account,
                range: 0..<min(email.size, limits.messageBytes)
            )
            text = IndexedText(
                of: ParsedMessage(parsing: Array(buffer.readableBytesView)),
                limit: SearchDocument.bodyLimit
            )
        } catch .notFound {
            return nil
        } catch .damaged(let report) {
            logger.error(
                "a message is indexed without its text",
                metadata: ["account": "\(account)", "email": "\(email.id)", "report": "\(report)"]
            )
        } catch {
            throw .store(error)
        }
        return SearchDocument(
            account: account,
            email: email.id,
            subject: email.subject,
            from: email.from,
            to: email.to,
            cc: email.cc,
            body: text.body,
            attachments: text.attachments,
            receivedAt: email.receivedAt,
            sentAt: email.sentAt,
            size: email.size,
            hasAttachment: email.hasAttachment
        )
    }

    // MARK: - Faults

    private func inStore<Value>(_ work: () async throws(StoreError) -> Value) async throws(SearchFault) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .store(error)
        }
    }

    private func inIndex(_ work: () async throws(SearchIndexError) -> Void) async throws(SearchFault) {
        do throws(SearchIndexError) {
            try await work()
        } catch {
            throw .index(error)
        }
    }
}
