import AsyncHTTPClient
package import Logging
package import MailModel
package import MailPorts
import Metrics
package import NIOCore
import NIOHTTP1
import Synchronization

/// The search index in OpenSearch: one document a message, all of an account in one shard.
package final class OpenSearchIndex: SearchIndex {
    private let client: OpenSearchClient
    private let http: HTTPClient
    private let logger: Logger
    private struct State {
        var isPrepared = false
        var isAway = false
        var reports = 0
    }
    private let state = Mutex(State())
    private let prefix = String(UInt32.random(in: 0 ... .max), radix: 36)

    private var name: String { client.options.index }

    package init(_ options: OpenSearchOptions, group: any EventLoopGroup, logger: Logger) {
        http = HTTPClient(eventLoopGroup: group, configuration: options.configuration)
        client = OpenSearchClient(options, http)
        self.logger = logger
    }

    /// Ends the connections.
    package func close() async { try? await http.shutdown() }

    deinit {
        // The client must be told before it goes; once more does no harm.
        let http = self.http
        Task { try? await http.shutdown() }
    }

    package func checkHealth() async throws(SearchIndexError) {
        try await reported { () async throws(OpenSearchFault) in
            _ = try Self.good(try await client.send(.GET, "/"))
        }
    }

    package func prepare() async throws(SearchIndexError) {
        guard !state.withLock({ $0.isPrepared }) else { return }
        try await reported { () async throws(OpenSearchFault) in
            if try await client.send(.HEAD, "/\(name)").status == 404 {
                let made = try await client.send(.PUT, "/\(name)-1", mapping)
                // Another process may have made it meanwhile.
                if made.status != 400 { _ = try Self.good(made) }
            }
        }
        state.withLock { $0.isPrepared = true }
    }

    private var mapping: JSONValue {
        let text: JSONValue = ["type": "text"]
        return [
            "settings": [
                "index": [
                    "number_of_shards": .integer(Int64(client.options.shards)),
                    "number_of_replicas": .integer(Int64(client.options.replicas)),
                ]
            ],
            "aliases": .object([name: .object([:])]),
            "mappings": [
                "dynamic": "strict", "_routing": ["required": true],
                "properties": [
                    "account": ["type": "keyword"], "email": ["type": "long"], "subject": text, "from": text,
                    "to": text, "cc": text, "body": text, "attachments": text,
                    "received_at": ["type": "date", "format": "epoch_millis"],
                    "sent_at": ["type": "date", "format": "epoch_millis"], "size": ["type": "long"],
                    "has_attachment": ["type": "boolean"],
                ],
            ],
        ]
    }

    // MARK: - Writing

    package func apply(
        _ documents: [SearchDocument],
        removing gone: [EmailID],
        of account: AccountID
    ) async throws(SearchIndexError) {
        guard !documents.isEmpty || !gone.isEmpty else { return }
        try await reported { () async throws(OpenSearchFault) in
            var lines: [UInt8] = []
            for document in documents {
                try Self.append(["index": place(document.email, account)], to: &lines)
                try Self.append(Self.source(document), to: &lines)
            }
            for email in gone { try Self.append(["delete": place(email, account)], to: &lines) }
            let answer = try Self.good(
                try await client.send(.POST, "/\(name)/_bulk", lines, type: "application/x-ndjson")
            )
            try check(try answer.decode(BulkAnswer.self))
        }
    }

    private func place(_ email: EmailID, _ account: AccountID) -> JSONValue {
        ["_id": .text("\(account)-\(email)"), "routing": .text("\(account)")]
    }

    private static func append(_ value: JSONValue, to lines: inout [UInt8]) throws(OpenSearchFault) {
        lines += try OpenSearchClient.encoded(value)
        lines.append(10)
    }

    private static func source(_ document: SearchDocument) -> JSONValue {
        var source: [String: JSONValue] = [
            "account": .text("\(document.account)"), "email": .integer(document.email.rawValue),
            "subject": .text(document.subject), "from": .text(document.from), "to": .text(document.to),
            "cc": .text(document.cc), "body": .text(document.body),
            "attachments": .array(document.attachments.map { .text($0) }),
            "received_at": .integer(OpenSearchQuery.milliseconds(document.receivedAt)),
            "size": .integer(Int64(document.size)), "has_attachment": .boolean(document.hasAttachment),
        ]
        if let sent = document.sentAt { source["sent_at"] = .integer(OpenSearchQuery.milliseconds(sent)) }
        return .object(source)
    }

    private struct BulkAnswer: Decodable {
        struct Item: Decodable {
            struct Outcome: Decodable { var status: Int }
            var index: Outcome?
            var delete: Outcome?
        }
        var errors: Bool
        var items: [Item]
    }

    /// What the service may take later is an error; a document that it will never take is counted and left out, or nothing
    /// behind it would be indexed.
    private func check(_ answer: BulkAnswer) throws(OpenSearchFault) {
        guard answer.errors else { return }
        let statuses = answer.items.compactMap { $0.index?.status ?? $0.delete?.status }
        if let status = statuses.first(where: { $0 == 429 || $0 >= 500 }) {
            throw OpenSearchFault(cause: "status \(status) for some documents")
        }
        let refused = answer.items.count { ($0.index?.status ?? 200) >= 400 }
        guard refused > 0 else { return }
        Counter(label: "oonrumail_search_refused_total").increment(by: refused)
        logger.error("documents were refused by the search index", metadata: ["documents": "\(refused)"])
    }

    package func forget(_ account: AccountID) async throws(SearchIndexError) {
        try await reported { () async throws(OpenSearchFault) in
            _ = try Self.good(
                try await client.send(
                    .POST,
                    "/\(name)/_delete_by_query?conflicts=proceed&routing=\(account)",
                    ["query": ["term": ["account": .text("\(account)")]]]
                )
            )
        }
    }

    // MARK: - Reading

    package func search(
        _ query: SearchQuery,
        after: SearchPosition?,
        limit: Int
    ) async throws(SearchIndexError) -> [SearchHit] {
        let body = try OpenSearchQuery.body(query, after: after, limit: limit)
        return try await reported { () async throws(OpenSearchFault) in
            let answer = try await client.send(.POST, "/\(name)/_search?routing=\(query.account)", body)
            // Nothing has been indexed yet.
            if answer.status == 404 { return [] }
            return try Self.good(answer).decode(OpenSearchQuery.Found.self).searchHits
        }
    }

    // MARK: - Faults

    private static func good(_ answer: OpenSearchAnswer) throws(OpenSearchFault) -> OpenSearchAnswer {
        guard answer.isGood else { throw OpenSearchFault(cause: "status \(answer.status): \(answer.summary)") }
        return answer
    }

    /// Logs the cause of a fault once for each outage, and the end of it.
    private func reported<Value>(
        _ work: () async throws(OpenSearchFault) -> Value
    ) async throws(SearchIndexError) -> Value {
        do throws(OpenSearchFault) {
            let value = try await work()
            let wasAway = state.withLock { state in
                defer { state.isAway = false }
                return state.isAway
            }
            if wasAway { logger.notice("OpenSearch is back", metadata: ["opensearch": "\(client.options)"]) }
            return value
        } catch {
            let (id, isNew) = state.withLock { state in
                state.reports += 1
                defer { state.isAway = true }
                // The index may be another one when it comes back.
                state.isPrepared = false
                return ("\(prefix)-\(state.reports)", !state.isAway)
            }
            logger.log(
                level: isNew ? .error : .debug,
                "OpenSearch does not answer as it should",
                metadata: ["opensearch": "\(client.options)", "cause": "\(error.cause)", "report": "\(id)"]
            )
            throw .unavailable(reportID: id)
        }
    }
}
