package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// People who register on a domain whose policy allows it, and what its managers decide of them.
///
/// Invariant: the answer to a registration, and the time it takes, are the same whether the address is taken or not.
package struct RegistrationRoutes: Sendable {
    /// Longer than a mail takes.
    private static let answerAfter = Duration.milliseconds(500)
    static let path = "/api/registrations"

    private let registrations: RegistrationService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(registrations: RegistrationService, tokens: TokenService, clock: any WallClock) {
        self.registrations = registrations
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.post(Self.path) { request in try await self.register(request) }
        set.post("\(Self.path)/verify/options") { request in try await self.passkeyOptions(request) }
        set.post("\(Self.path)/verify") { request in try await self.verify(request) }
        set.get(Self.path, guarded(list))
        set.post("\(Self.path)/{id}/approve", guarded(approve))
        set.post("\(Self.path)/{id}/refuse", guarded(refuse))
        Self.describe(&set)
        return set
    }

    // MARK: - Registering

    private struct New: RequestDocument {
        static let members: Set<String> = ["email", "contact", "display_name"]
        var email: String
        var contact: String
        var displayName: String?

        private enum CodingKeys: String, CodingKey {
            case email, contact
            case displayName = "display_name"
        }
    }

    private func register(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(New.self)
        let answerAt = ContinuousClock.now + Self.answerAfter
        try await registrations.register(
            given.email,
            contact: given.contact,
            displayName: given.displayName ?? "",
            remote: request.remote,
            now: clock.now()
        )
        try await Task.sleep(until: answerAt, clock: .continuous)
        return try .json(["status": "accepted"], status: 202)
    }

    private struct Token: RequestDocument {
        static let members: Set<String> = ["token"]
        var token: String
    }

    private func passkeyOptions(_ request: APIRequest) async throws -> APIResponse {
        let options = try await registrations.passkeyOptions(
            token: try await request.decode(Token.self).token,
            remote: request.remote,
            now: clock.now()
        )
        return try .plain(PasskeyOptionsDocument(options: PasskeyOptions(options)))
    }

    private func verify(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(ChoiceDocument.self)
        let (outcome, codes) = try await registrations.verify(
            token: given.token,
            choosing: try given.choice,
            remote: request.remote,
            now: clock.now()
        )
        let headers = ["Cache-Control": "no-store"]
        switch outcome {
        case .made(let account):
            return try .json(MadeAccountDocument(account, recoveryCodes: codes), status: 201, headers: headers)
        case .waits:
            return try .json(WaitingDocument(recoveryCodes: codes), status: 202, headers: headers)
        }
    }

    // MARK: - Deciding

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(RegistrationListing.Sort.self, filters: ["domain", "text"])
        var listing = RegistrationListing(limit: query.limit)
        (listing.domain, listing.text) = (query.name("domain"), query.filters["text"])
        let found = try await registrations.waiting(
            try query.applied(to: listing),
            for: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try request.answer("registrations", found, query) { RegistrationDocument($0) }
    }

    @Sendable private func approve(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let account = try await registrations.approve(
            RegistrationID(try request.number()),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(MadeAccountDocument(account))
    }

    @Sendable private func refuse(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        _ = try await registrations.refuse(
            RegistrationID(try request.number()),
            reason: try await request.decode(ReasonDocument.self).reason,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return .noContent
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        let (closed, role) = ("The domain takes no registrations", "The caller's role does not allow it")
        set.describe(
            "POST",
            path,
            RouteDescription(
                "Register on a domain whose policy allows it: a token goes by mail to the contact, which is elsewhere",
                isOpen: true,
                body: ["email", "contact", "display_name"],
                answers: [202: "The same for every address", 403: closed, 429: "Too many from this client"],
                required: ["email", "contact"],
                schemas: [202: .object(["status": .text])]
            )
        )
        set.describe(
            "POST",
            "\(path)/verify/options",
            RouteDescription(
                "What the person's browser makes a passkey of, for an account without a password",
                isOpen: true,
                body: ["token"],
                answers: [
                    200: "Options as PublicKeyCredential.parseCreationOptionsFromJSON takes them", 403: closed,
                    409: "Passkeys alone do not sign in there", 422: "The token is not good",
                    429: "Too many from this client",
                ],
                required: ["token"],
                schemas: [200: .object(["public_key": .anything])]
            )
        )
        set.describe(
            "POST",
            "\(path)/verify",
            RouteDescription(
                "Prove the contact by the token and choose a password, or a passkey that the browser made; a manager decides where "
                    + "the policy says so",
                isOpen: true,
                body: ChoiceDocument.members,
                answers: [
                    201: "The account; with recovery codes, this once, for a passkey", 202: "It waits for a manager",
                    403: closed, 409: "The address cannot be had", 429: "Too many from this client",
                ],
                required: ["token"],
                schemas: [
                    201: MadeAccountDocument.schema,
                    202: WaitingDocument.schema,
                ]
            )
        )
        set.describe(
            "GET",
            path,
            RouteDescription(
                "Registrations that wait for a decision, on the domains that the caller manages",
                query: ["limit", "after", "sort", "domain", "text"],
                answers: [200: "A page", 403: role],
                types: ["domain": .text, "sort": .sort(RegistrationListing.Sort.self)],
                schemas: [200: .page("registrations", of: RegistrationDocument.schema)]
            )
        )
        set.describe(
            "POST",
            "\(path)/{id}/approve",
            RouteDescription(
                "Make the account; the person is told by mail",
                answers: [200: "The account", 403: role, 404: "None waits", 409: "The address cannot be had any more"],
                schemas: [200: MadeAccountDocument.schema]
            )
        )
        set.describe(
            "POST",
            "\(path)/{id}/refuse",
            RouteDescription(
                "Refuse a registration; the reason goes by mail",
                body: ["reason"],
                answers: [204: "Refused", 403: role, 404: "None waits"],
                required: ["reason"]
            )
        )
    }
}
