package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// `/api/organisations/{id}/invitations`, and the open route that accepts one.
package struct InvitationRoutes: Sendable {
    private static let path = "/api/organisations/{id}/invitations"

    private let invitations: InvitationService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(invitations: InvitationService, tokens: TokenService, clock: any WallClock) {
        self.invitations = invitations
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, guarded(list))
        set.post(Self.path, guarded(invite))
        set.delete(Self.path + "/{invitation}", guarded(revoke))
        set.post(Self.path + "/{invitation}/send", guarded(sendAgain))
        set.post("/api/auth/invitations/accept/options") { request in try await self.passkeyOptions(request) }
        set.post("/api/auth/invitations/accept") { request in try await self.accept(request) }
        Self.describe(&set)
        return set
    }

    private struct Document: Encodable {
        static let schema = Schema.document(
            "Invitation",
            [
                "id": .integer, "email": .text, "contact": .optional(.text), "display_name": .text, "role": .text,
                "invited_by": .text, "created_at": .time, "expires_at": .time, "token": .optional(.text),
            ]
        )

        var id: Int64
        var email: String
        var contact: String?
        var displayName: String
        var role: String
        var invitedBy: String
        var createdAt: String
        var expiresAt: String
        /// Only in the answer that made it, and only when no contact was given.
        var token: String?

        init(_ known: Invitation) { self.init(known, nil) }

        init(_ known: Invitation, _ token: MailToken?) {
            id = known.id.rawValue
            email = known.address.description
            contact = known.contact?.description
            displayName = known.displayName
            role = known.role.rawValue
            invitedBy = known.invitedBy
            createdAt = RFC3339.text(known.createdAt)
            expiresAt = RFC3339.text(known.expiresAt)
            self.token = token?.text
        }
    }

    private static func organisation(_ request: APIRequest) throws(Problem) -> OrganisationID {
        OrganisationID(try request.number())
    }

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(InvitationListing.Sort.self, filters: ["role", "text"])
        var listing = InvitationListing(organisation: try Self.organisation(request), limit: query.limit)
        (listing.role, listing.text) = (try query.choice("role"), query.filters["text"])
        let found = try await invitations.invitations(
            try query.applied(to: listing),
            for: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try request.answer("invitations", found, query) { Document($0) }
    }

    private struct New: RequestDocument {
        static let members: Set<String> = ["email", "contact", "display_name", "role"]
        var email: String
        var contact: String?
        var displayName: String?
        var role: String?

        private enum CodingKeys: String, CodingKey {
            case email, contact, role
            case displayName = "display_name"
        }
    }

    @Sendable private func invite(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(New.self)
        guard let role = given.role.map({ Role(rawValue: $0) }) ?? .member else {
            throw Problem.invalid("role", "Roles are \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        let organisation = try Self.organisation(request)
        let made = try await invitations.invite(
            given.email,
            contact: given.contact,
            displayName: given.displayName ?? "",
            role: role,
            to: organisation,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(
            Document(made.invitation, made.token),
            status: 201,
            headers: ["Location": "/api/organisations/\(organisation)/invitations/\(made.invitation.id)"]
        )
    }

    @Sendable private func revoke(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let number = try request.number("invitation")
        try await invitations.revoke(
            InvitationID(number),
            of: try Self.organisation(request),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return .noContent
    }

    private struct Sending: RequestDocument {
        static let members: Set<String> = ["contact"]
        var contact: String?
    }

    @Sendable private func sendAgain(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let number = try request.number("invitation")
        let made = try await invitations.sendAgain(
            InvitationID(number),
            contact: try await request.decode(Sending.self).contact,
            of: try Self.organisation(request),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(Document(made.invitation, made.token))
    }

    private struct Token: RequestDocument {
        static let members: Set<String> = ["token"]
        var token: String
    }

    private func passkeyOptions(_ request: APIRequest) async throws -> APIResponse {
        let options = try await invitations.passkeyOptions(
            token: try await request.decode(Token.self).token,
            remote: request.remote,
            now: clock.now()
        )
        return try .plain(PasskeyOptionsDocument(options: PasskeyOptions(options)))
    }

    private struct Made: Encodable {
        var id: Int64
        var email: String
        var role: String
        /// Only in this answer, with a passkey.
        var recoveryCodes: [String]?
    }

    private func accept(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(ChoiceDocument.self)
        let (account, codes) = try await invitations.accept(
            token: given.token,
            choosing: try given.choice,
            remote: request.remote,
            now: clock.now()
        )
        return try .json(
            Made(
                id: account.id.rawValue,
                email: account.primaryAddress.description,
                role: account.role.rawValue,
                recoveryCodes: codes.isEmpty ? nil : codes
            ),
            status: 201,
            headers: ["Cache-Control": "no-store"]
        )
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        let foreign = "There is none that the caller may see"
        set.describe(
            "GET",
            path,
            RouteDescription(
                "Open invitations of an organisation",
                query: ["limit", "after", "sort", "role", "text"],
                answers: [200: "A page, without tokens", 403: "The caller is a member", 404: foreign],
                types: ["sort": .sort(InvitationListing.Sort.self), "role": .words(Role.self)],
                schemas: [200: .page("invitations", of: Document.schema)]
            )
        )
        set.describe(
            "POST",
            path,
            RouteDescription(
                "Invite a person to an address of a verified domain; the token goes to the contact, or is in the answer without one",
                body: ["email", "contact", "display_name", "role"],
                answers: [
                    201: "Invited", 403: "The role is above the caller's", 404: foreign,
                    409: "The address is in use, or invited", 429: "Too many invitations today",
                ],
                types: ["contact": .text],
                required: ["email"],
                schemas: [201: Document.schema]
            )
        )
        set.describe(
            "DELETE",
            path + "/{invitation}",
            RouteDescription("Revoke an invitation", answers: [204: "Revoked", 404: foreign])
        )
        set.describe(
            "POST",
            path + "/{invitation}/send",
            RouteDescription(
                "Invite anew with another token, to the same contact or another; the token before is good no more",
                body: Sending.members,
                answers: [200: "The invitation; with its token where there is no contact", 404: foreign],
                types: ["contact": .nullable(.text)],
                schemas: [200: Document.schema]
            )
        )
        describeAcceptance(&set)
    }

    private static func describeAcceptance(_ set: inout RouteSet) {
        set.describe(
            "POST",
            "/api/auth/invitations/accept/options",
            RouteDescription(
                "What an invited person's browser makes a passkey of, for an account without a password",
                isOpen: true,
                body: ["token"],
                answers: [
                    200: "Options as PublicKeyCredential.parseCreationOptionsFromJSON takes them",
                    409: "Passkeys alone do not sign in there", 422: "The token is not good",
                    429: "Too many from this client",
                ],
                required: ["token"],
                schemas: [200: .object(["public_key": .anything])]
            )
        )
        set.describe(
            "POST",
            "/api/auth/invitations/accept",
            RouteDescription(
                "Accept an invitation: the account is made, with this password, or with the passkey that the browser made and its name",
                isOpen: true,
                body: ChoiceDocument.members,
                answers: [
                    201: "The account; with recovery codes, this once, for a passkey", 409: "The address is taken",
                    422: "The token, the password or the passkey is not good", 429: "Too many from this client",
                ],
                required: ["token"],
                schemas: [
                    201: .object([
                        "id": .integer, "email": .text, "role": .text, "recovery_codes": .optional(.list(.text)),
                    ])
                ]
            )
        )
    }
}
