package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// `/api/users/me/identities` and `/api/users/me/composing`: with what addresses, names and signatures one writes (RFC 8621 §6).
///
/// Invariant: a caller reaches their own only.
package struct IdentityRoutes: Sendable {
    static let list = "/api/users/me/identities"
    static let one = "/api/users/me/identities/{address}"
    static let composing = "/api/users/me/composing"
    static let suggestion = "/api/users/me/composing/suggest"

    private let identities: IdentityService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(identities: IdentityService, tokens: TokenService, clock: any WallClock) {
        self.identities = identities
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.list, whileActing: true, guarded(list))
        set.get(Self.one, whileActing: true, guarded(show))
        set.put(Self.one, whileActing: true, guarded(replace))
        set.delete(Self.one, whileActing: true, guarded(forget))
        set.get(Self.composing, whileActing: true, guarded(showComposing))
        set.put(Self.composing, whileActing: true, guarded(replaceComposing))
        set.post(Self.suggestion, whileActing: true, guarded(suggest))
        Self.describe(&set)
        return set
    }

    // MARK: - Addresses

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["email", "name"], filters: ["kind", "text"])
        let kind: SendingAddress.Kind? = try query.choice("kind")
        let known = try await identities.book(of: caller).identities.filter { kind == nil || $0.address.kind == kind }
        let page = try query.page(
            of: known.map { IdentityDocument($0) }.filter { query.finds(in: $0.email, $0.name) },
            keys: ["email": { EmailAddress.lowercased($0.email) }, "name": \.name],
            id: { EmailAddress.lowercased($0.email) }
        )
        return request.linked(
            try .json(ListPage("identities", page.items, next: page.next)),
            next: page.next
        )
    }

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try .json(IdentityDocument(try await identities.identity(request.parameter("address"), of: caller)))
    }

    struct Given: RequestDocument {
        static let members: Set<String> = ["name", "reply_to", "bcc", "signature"]
        var name: String?
        var replyTo: [String]?
        var bcc: [String]?
        var signature: SignatureDocument?

        private enum CodingKeys: String, CodingKey {
            case name, bcc, signature
            case replyTo = "reply_to"
        }
    }

    @Sendable private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let (given, address) = (try await request.decode(Given.self), request.parameter("address"))
        let settings = IdentitySettings(
            name: given.name,
            replyTo: try Self.addresses(given.replyTo, "reply_to", atMost: IdentityLimits.others),
            bcc: try Self.addresses(given.bcc, "bcc", atMost: IdentityLimits.others),
            signature: given.signature?.signature
        )
        try await identities.set(
            settings,
            of: address,
            for: caller,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(IdentityDocument(try await identities.identity(address, of: caller)))
    }

    @Sendable private func forget(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await identities.set(
            nil,
            of: request.parameter("address"),
            for: caller,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return .noContent
    }

    private static func addresses(
        _ texts: [String]?,
        _ name: String,
        atMost limit: Int
    ) throws(Problem) -> [EmailAddress] {
        let texts = texts ?? []
        guard texts.count <= limit else { throw .invalid(name, "There are at most \(limit) addresses.") }
        var found: [EmailAddress] = []
        for (place, text) in texts.enumerated() {
            found.append(try address(text, "\(name)/\(place)"))
        }
        return found
    }

    private static func address(_ text: String, _ name: String) throws(Problem) -> EmailAddress {
        guard let address = EmailAddress(text) else {
            throw .invalid(name, "This is no address.")
        }
        return address
    }

    // MARK: - All mail

    @Sendable private func showComposing(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try .json(ComposingDocument(try await identities.book(of: caller)))
    }

    struct Composing: RequestDocument {
        static let members: Set<String> = ["default", "signature"]
        var `default`: String?
        var signature: SignatureDocument?
    }

    @Sendable private func replaceComposing(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Composing.self)
        let settings = ComposingSettings(
            defaultAddress: try given.default.map { text throws(Problem) in try Self.address(text, "default") },
            signature: given.signature?.signature
        )
        try await identities.set(
            settings,
            for: caller,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try await showComposing(request, caller)
    }

    // MARK: - One message

    struct Draft: RequestDocument {
        static let members: Set<String> = ["from", "written_to", "recipients"]
        var from: String?
        var writtenTo: [String]?
        var recipients: [String]?

        private enum CodingKeys: String, CodingKey {
            case from, recipients
            case writtenTo = "written_to"
        }
    }

    struct Suggestion: Encodable {
        struct Recipient: Encodable {
            var address: String
            var relation: String
        }
        var from: IdentityDocument?
        var reason: String?
        var recipients: [Recipient]
    }

    @Sendable private func suggest(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Draft.self)
        let most = IdentityLimits.addresses
        let writtenTo = try Self.addresses(given.writtenTo, "written_to", atMost: most)
        let recipients = try Self.addresses(given.recipients, "recipients", atMost: most)
        let book = try await identities.book(of: caller)
        var suggestion = Suggestion(recipients: [])
        var sender = caller.primaryAddress
        if let from = given.from {
            guard let identity = book.identity(for: try Self.address(from, "from")) else {
                throw Problem.invalid("from", "You may not send with this address.")
            }
            sender = identity.address.address
            suggestion.from = IdentityDocument(identity)
        } else if let (identity, reason) = book.proposal(writtenTo: writtenTo) {
            sender = identity.address.address
            (suggestion.from, suggestion.reason) = (IdentityDocument(identity), reason.rawValue)
        }
        let relations = try await identities.relations(of: recipients, to: sender, book, caller)
        suggestion.recipients = zip(recipients, relations).map {
            Suggestion.Recipient(address: $0.description, relation: $1.rawValue)
        }
        return try .json(suggestion)
    }
}
