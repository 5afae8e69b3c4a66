import Accounts
package import HTTPKit
import MailModel
import MailPorts
package import MailboxEngine
import ServiceHost
import Telemetry

/// Rights in mailboxes, and accounts that nobody signs in to.
///
/// Invariants: what is of another organisation is not found; who may is asked of `MailboxSharing`, each time anew.
package struct MailboxRightsRoutes: Sendable {
    static let mailboxes = "/api/accounts/{id}/mailboxes"
    static let rights = "/api/accounts/{id}/mailboxes/{mailbox}/rights"
    static let one = "/api/accounts/{id}/mailboxes/{mailbox}/rights/{identifier}"
    static let own = "/api/users/me/shared-mailboxes"
    static let teams = "/api/shared-accounts"

    let sharing: MailboxSharing
    let auth: AuthRoutes
    /// Octets of mail of a new shared account; nil: no limit of its own.
    let defaultQuota: Int64?

    package init(sharing: MailboxSharing, auth: AuthRoutes, defaultQuota: Int64?) {
        self.sharing = sharing
        self.auth = auth
        self.defaultQuota = defaultQuota
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: Self.problem)
        let signedIn = BearerGuard.tokens(auth.tokens, auth.clock)
        set.get(Self.own, whileActing: true, signedIn(listShared))
        set.get(Self.mailboxes, signedIn(listMailboxes))
        set.get(Self.rights, signedIn(listRights))
        set.get(Self.one, signedIn(showRights))
        set.put(Self.one, signedIn(replaceRights))
        set.delete(Self.one, signedIn(removeRights))
        set.get(Self.teams, signedIn(listTeams))
        set.post(Self.teams, signedIn(addTeam))
        Self.describe(&set)
        return set
    }

    @Sendable private static func problem(_ error: any Error) -> Problem? {
        switch error as? SharingFailure {
        case nil: StoreProblem.problem(error)
        case .notPermitted: .forbidden("Your rights in the mailbox do not allow it.")
        case .unknownIdentifier: .notFound()
        case .refused(let field, let why): .invalid(field, why)
        case .store(let error): StoreProblem.problem(error)
        }
    }

    // MARK: - What is shared with the caller

    @Sendable private func listShared(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["name", "owner"], filters: ["owner", "is_shared_account", "text"])
        let (owner, isTeam) = (query.name("owner"), try query.truth("is_shared_account"))
        let known = try await sharing.store.sharedMailboxes(with: caller.id)
            .filter { shared in
                MailboxOperation.list.isAllowed(by: shared.rights)
                    && (owner == nil || shared.ownerAddress.canonical == owner)
                    && (isTeam == nil || shared.isTeam == isTeam)
            }
        let page = try query.page(
            of: known.map { SharedMailboxDocument($0) }.filter { query.finds(in: $0.name, $0.owner) },
            keys: ["name": { $0.name }, "owner": { EmailAddress.lowercased($0.owner) }],
            id: { "\($0.accountID)/\($0.mailboxID)" }
        )
        return request.linked(try .json(SharedMailboxes(mailboxes: page.items, next: page.next)), next: page.next)
    }

    // MARK: - Rights

    private static func account(_ request: APIRequest) throws(Problem) -> AccountID {
        AccountID(try request.number())
    }

    private func target(_ request: APIRequest, _ caller: Account) async throws -> MailboxSharing.Target {
        let number = try request.number("mailbox")
        return try await sharing.target(MailboxID(number), of: try Self.account(request), for: caller)
    }

    @Sendable private func listMailboxes(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["name"], filters: ["text"])
        let known = try await sharing.targets(of: try Self.account(request), for: caller)
        let page = try query.page(
            of: known.map { MailboxDocument($0) }.filter { query.finds(in: $0.name) },
            keys: ["name": { $0.name }],
            id: { "\($0.id)" }
        )
        return request.linked(try .json(Mailboxes(mailboxes: page.items, next: page.next)), next: page.next)
    }

    @Sendable private func listRights(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["identifier"], filters: ["text"])
        let target = try await target(request, caller)
        let page = try query.page(
            of: try await sharing.grants(target).map { RightsDocument($0, in: target) }
                .filter { query.finds(in: $0.identifier) },
            keys: ["identifier": { $0.identifier }],
            id: { $0.identifier }
        )
        return request.linked(try .json(RightsPage(rights: page.items, next: page.next)), next: page.next)
    }

    /// What an identifier has; not found where it has nothing.
    private func grant(
        _ request: APIRequest,
        in target: MailboxSharing.Target
    ) async throws -> MailboxGrant {
        let (identifier, _) = try await sharing.identifier(request.parameter("identifier"), for: target.owner)
        guard let known = try await sharing.grants(target).first(where: { $0.identifier == identifier }) else {
            throw Problem.notFound()
        }
        return known
    }

    @Sendable private func showRights(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let target = try await target(request, caller)
        return try .json(RightsDocument(try await grant(request, in: target), in: target))
    }

    private struct NewRights: RequestDocument {
        static let members: Set<String> = ["rights"]
        var rights: String
    }

    @Sendable private func replaceRights(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(NewRights.self)
        let target = try await target(request, caller)
        guard let rights = MailboxRights(letters: given.rights.utf8), !rights.isEmpty else {
            throw Problem.invalid("rights", "Rights are letters of lrswipkxtea (RFC 4314), one at least.")
        }
        let grant = try await sharing.change(
            RightsChange(.replace, rights),
            of: request.parameter("identifier"),
            in: target,
            by: SharingActor(caller.primaryAddress.canonical, remote: request.remote),
            now: auth.clock.now()
        )
        return try .json(RightsDocument(grant, in: target))
    }

    @Sendable private func removeRights(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let target = try await target(request, caller)
        _ = try await grant(request, in: target)
        _ = try await sharing.change(
            RightsChange(.remove, .all),
            of: request.parameter("identifier"),
            in: target,
            by: SharingActor(caller.primaryAddress.canonical, remote: request.remote),
            now: auth.clock.now()
        )
        return .noContent
    }

    // MARK: - Accounts without sign-in

    /// nil: every organisation.
    private func scope(_ caller: Account) throws(Problem) -> OrganisationID? {
        guard caller.role != .member else { throw .forbidden() }
        return caller.role == .platformAdmin ? nil : caller.organisation
    }

    @Sendable private func listTeams(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let scope = try scope(caller)
        let query = try request.list(TeamListing.Sort.self, filters: ["status", "text", "organisation_id"])
        let asked = try query.number("organisation_id").map { OrganisationID($0) }
        var listing = TeamListing(organisation: scope ?? asked, limit: query.limit)
        (listing.status, listing.text) = (try query.choice("status"), query.filters["text"])
        let found = try await sharing.teams(try query.applied(to: listing))
        return try request.answer("shared_accounts", found, query) { TeamDocument($0) }
    }

    private struct NewTeam: RequestDocument {
        static let members: Set<String> = ["email", "display_name"]
        var email: String
        var displayName: String?

        private enum CodingKeys: String, CodingKey {
            case email
            case displayName = "display_name"
        }
    }

    @Sendable private func addTeam(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let scope = try scope(caller)
        let given = try await request.decode(NewTeam.self)
        guard let address = EmailAddress(given.email) else {
            throw Problem.invalid("email", "This is no address.")
        }
        let made = try await sharing.addTeam(
            address,
            displayName: given.displayName ?? "",
            within: scope,
            quotaBytes: defaultQuota,
            by: SharingActor(caller.primaryAddress.canonical, remote: request.remote),
            now: auth.clock.now()
        )
        return try .json(TeamDocument(made), status: 201, headers: ["Location": "/api/accounts/\(made.id)"])
    }
}
