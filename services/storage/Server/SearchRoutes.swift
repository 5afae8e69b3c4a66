import Accounts
import HTTPKit
import MailModel
import MailPorts
import MailSearch
import ServiceHost
import Telemetry

/// `/api/search`: messages of the caller's own account, or of mailboxes that another one shares with the caller.
///
/// Invariants: what the caller may not read is not shown, whatever the query says; what is shown is read from the store, never
/// from the index.
struct SearchRoutes: Sendable {
    let search: MessageSearch
    let sharing: any MailboxSharingStore
    let tokens: TokenService
    let clock: any WallClock

    static let pageLimit = 1...100
    static let standardPage = 50

    func routes() -> RouteSet {
        var set = RouteSet(problem: Self.problem)
        let signedIn = BearerGuard.tokens(tokens, clock)
        set.get("/api/search", whileActing: true, signedIn(find))
        set.describe(
            "GET",
            "/api/search",
            RouteDescription(
                "Messages in which every word is found, in the text, the header or names of attachments: one's own, or by owner "
                    + "those in mailboxes that another account shares",
                query: [
                    "q", "from", "to", "subject", "mailbox", "owner", "has_attachment", "since", "until", "sort",
                    "after", "limit",
                ],
                answers: [
                    200: "A page; give next as after for the one behind it",
                    404: "The owner shares nothing that one may read",
                ],
                types: [
                    "q": .boundedText(0...1_000), "from": .text, "to": .text, "subject": .text, "mailbox": .text,
                    "owner": .text, "has_attachment": .truth, "sort": .choice(["newest", "relevance"]),
                    "limit": .boundedInteger(Self.pageLimit),
                ],
                schemas: [200: .page("messages", of: Self.schema)]
            )
        )
        return set
    }

    private static let schema = Schema.document(
        "FoundMessage",
        [
            "id": .text, "thread_id": .text, "subject": .text, "from": .text, "to": .text, "preview": .text,
            "received_at": .time, "sent_at": .optional(.time), "size": .integer, "has_attachment": .truth,
            "places": .list(.object(["mailbox": .text, "uid": .integer, "is_seen": .truth, "is_flagged": .truth])),
        ]
    )

    private struct Document: Encodable {
        struct Place: Encodable {
            var mailbox: String
            var uid: UInt32
            var isSeen: Bool
            var isFlagged: Bool
        }
        var id: String
        var threadID: String
        var subject: String
        var from: String
        var to: String
        var preview: String
        var receivedAt: String
        var sentAt: String?
        var size: Int
        var hasAttachment: Bool
        var places: [Place]

        init(_ message: FoundMessage) {
            id = "\(message.email)"
            threadID = "\(message.thread)"
            subject = message.subject
            from = message.from
            to = message.to
            preview = message.preview
            receivedAt = RFC3339.text(message.receivedAt)
            sentAt = message.sentAt.map { RFC3339.text($0) }
            size = message.size
            hasAttachment = message.hasAttachment
            places = message.places.map {
                Place(
                    mailbox: $0.name,
                    uid: $0.uid.rawValue,
                    isSeen: $0.flags.contains(.seen),
                    isFlagged: $0.flags.contains(.flagged)
                )
            }
        }
    }

    @Sendable private func find(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let list = try request.list(
            sorts: [SearchQuery.Order.newest.rawValue, SearchQuery.Order.relevance.rawValue],
            filters: ["q", "from", "to", "subject", "mailbox", "owner", "has_attachment", "since", "until"],
            limit: Self.pageLimit,
            standard: Self.standardPage
        )
        guard !list.isDescending else { throw Problem(400, detail: "The query's sort takes newest or relevance.") }
        let place = try await place(list.filters["owner"], caller)
        var query = SearchQuery(
            account: place.account,
            text: list.filters["q"],
            order: SearchQuery.Order(rawValue: list.sort) ?? .newest
        )
        query.from = list.filters["from"]
        query.to = list.filters["to"]
        query.subject = list.filters["subject"]
        (query.since, query.until) = (try list.moment("since"), try list.moment("until"))
        query.hasAttachment = try list.truth("has_attachment")
        let after = try list.position(parts: 1)?.first
        let page = try await search.messages(
            query,
            mailbox: list.filters["mailbox"],
            within: place.readable,
            after: after.map { SearchPosition(String(decoding: $0, as: UTF8.self)) },
            limit: list.limit
        )
        let next = page.next.map { list.cursor([Array($0.text.utf8)]) }
        let answer = try APIResponse.json(ListPage("messages", page.messages.map { Document($0) }, next: next))
        return request.linked(answer, next: next)
    }

    /// Whose messages are looked through, and in which mailboxes.
    private func place(
        _ owner: String?,
        _ caller: Account
    ) async throws -> (account: AccountID, readable: Set<MailboxID>?) {
        guard let owner else { return (caller.id, nil) }
        let address = EmailAddress(owner)
        if address == caller.primaryAddress { return (caller.id, nil) }
        let shared = try await sharing.sharedMailboxes(with: caller.id).filter {
            $0.ownerAddress == address && $0.rights.contains(.read)
        }
        guard let account = shared.first?.owner else {
            throw Problem.notFound("The owner shares no mailbox that you may read.")
        }
        return (account, Set(shared.map(\.record.id)))
    }

    @Sendable private static func problem(_ error: any Error) -> Problem? {
        switch error as? SearchFault {
        case .index(.badPosition): Problem.badPosition
        case .index(.unavailable(let id)): .unavailable(reportID: id)
        case .store(.unavailable(let id)): .unavailable(reportID: id)
        case .store(.damaged(let id)): Problem(500, detail: "A record is damaged.", reportID: id)
        case .store(.notFound), .store(.alreadyExists), .store(.refused), .store(.overQuota), .store(.levelFull), nil:
            nil
        }
    }
}
