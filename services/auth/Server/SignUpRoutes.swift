package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// Organisations that sign themselves up, and what operators decide of them.
///
/// Invariant: the answer to a sign-up, and the time it takes, are the same whether the address is known or not.
package struct SignUpRoutes: Sendable {
    /// Longer than a password's hash and a mail take.
    private static let answerAfter = Duration.milliseconds(1_000)

    private let signUps: SignUpService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(signUps: SignUpService, tokens: TokenService, clock: any WallClock) {
        self.signUps = signUps
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.post("/api/auth/sign-up") { request in try await self.signUp(request) }
        set.post("/api/auth/sign-up/verify/options") { request in try await self.passkeyOptions(request) }
        set.post("/api/auth/sign-up/verify") { request in try await self.verify(request) }
        set.get("/api/sign-ups", guarded(list))
        set.post("/api/sign-ups/{id}/approve", guarded(approve))
        set.post("/api/sign-ups/{id}/refuse", guarded(refuse))
        Self.describe(&set)
        return set
    }

    // MARK: - Signing up

    private struct New: RequestDocument {
        static let members: Set<String> = ["organisation", "email", "password", "display_name"]
        var organisation: String
        var email: String
        /// Without it the person chooses with the token.
        var password: String?
        var displayName: String?

        private enum CodingKeys: String, CodingKey {
            case organisation, email, password
            case displayName = "display_name"
        }
    }

    private func signUp(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(New.self)
        let answerAt = ContinuousClock.now + Self.answerAfter
        try await signUps.signUp(
            organisation: given.organisation,
            email: given.email,
            password: given.password,
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
        let options = try await signUps.passkeyOptions(
            token: try await request.decode(Token.self).token,
            remote: request.remote,
            now: clock.now()
        )
        return try .plain(PasskeyOptionsDocument(options: PasskeyOptions(options)))
    }

    private func verify(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(ChoiceDocument.self)
        let (outcome, codes) = try await signUps.verify(
            token: given.token,
            choosing: try given.choiceIfAny,
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
        let query = try request.list(SignUpListing.Sort.self, filters: ["text"])
        var listing = SignUpListing(limit: query.limit)
        listing.text = query.filters["text"]
        let found = try await signUps.waiting(
            try query.applied(to: listing),
            for: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try request.answer("sign_ups", found, query) { SignUpDocument($0) }
    }

    @Sendable private func approve(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let account = try await signUps.approve(
            SignUpID(try request.number()),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(MadeAccountDocument(account))
    }

    @Sendable private func refuse(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        _ = try await signUps.refuse(
            SignUpID(try request.number()),
            reason: try await request.decode(ReasonDocument.self).reason,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return .noContent
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        let (closed, role) = ("Organisations do not sign themselves up here", "Operators of the platform decide")
        set.describe(
            "POST",
            "/api/auth/sign-up",
            RouteDescription(
                "Sign an organisation up: a token goes by mail to the owner's address, which is elsewhere",
                isOpen: true,
                body: ["organisation", "email", "password", "display_name"],
                answers: [202: "The same for every address", 403: closed, 429: "Too many from this client"],
                required: ["organisation", "email"],
                schemas: [202: .object(["status": .text])]
            )
        )
        set.describe(
            "POST",
            "/api/auth/sign-up/verify",
            RouteDescription(
                "Prove the address by the token; the owner signs in with it then, or once an operator has approved. Who gave no password "
                    + "chooses one now, or a passkey that the browser made",
                isOpen: true,
                body: ChoiceDocument.members,
                answers: [
                    201: "The owner's account; with recovery codes, this once, for a passkey",
                    202: "It waits for an operator",
                    403: closed, 422: "The token, the password or the passkey is not good",
                    429: "Too many from this client",
                ],
                required: ["token"],
                schemas: [201: MadeAccountDocument.schema, 202: WaitingDocument.schema]
            )
        )
        set.describe(
            "POST",
            "/api/auth/sign-up/verify/options",
            RouteDescription(
                "What the owner's browser makes a passkey of, for an account without a password",
                isOpen: true,
                body: ["token"],
                answers: [
                    200: "Options as PublicKeyCredential.parseCreationOptionsFromJSON takes them", 403: closed,
                    409: "Passkeys alone do not sign in here", 422: "The token is not good",
                    429: "Too many from this client",
                ],
                required: ["token"],
                schemas: [200: .object(["public_key": .anything])]
            )
        )
        set.describe(
            "GET",
            "/api/sign-ups",
            RouteDescription(
                "Sign-ups that wait for a decision (operators of the platform)",
                query: ["limit", "after", "sort", "text"],
                answers: [200: "A page", 403: role],
                types: ["sort": .sort(SignUpListing.Sort.self)],
                schemas: [200: .page("sign_ups", of: SignUpDocument.schema)]
            )
        )
        set.describe(
            "POST",
            "/api/sign-ups/{id}/approve",
            RouteDescription(
                "Make the organisation and its owner's account; the owner is told by mail",
                answers: [200: "The owner's account", 403: role, 404: "None waits", 409: "The address has an account"],
                schemas: [200: MadeAccountDocument.schema]
            )
        )
        set.describe(
            "POST",
            "/api/sign-ups/{id}/refuse",
            RouteDescription(
                "Refuse a sign-up; the reason goes by mail",
                body: ["reason"],
                answers: [204: "Refused", 403: role, 404: "None waits"],
                required: ["reason"]
            )
        )
    }
}
