package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// `/api/organisations` and `/api/accounts`: people, as those manage them whose role allows it.
///
/// Invariants: `PeopleService` decides who may; what is another organisation's is answered as what does not exist.
package struct PeopleRoutes: Sendable {
    private let people: PeopleService
    private let accounts: AccountService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(people: PeopleService, accounts: AccountService, tokens: TokenService, clock: any WallClock) {
        self.people = people
        self.accounts = accounts
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get("/api/organisations", guarded(listOrganisations))
        set.post("/api/organisations", guarded(addOrganisation))
        set.get("/api/organisations/{id}", guarded(showOrganisation))
        set.patch("/api/organisations/{id}", guarded(renameOrganisation))
        set.post("/api/organisations/{id}/suspend", guarded(suspendOrganisation))
        set.post("/api/organisations/{id}/restore", guarded(restoreOrganisation))
        set.get("/api/organisations/{id}/accounts", guarded(listPeople))
        set.get("/api/accounts/{id}", guarded(showPerson))
        set.patch("/api/accounts/{id}", guarded(changePerson))
        set.delete("/api/accounts/{id}", guarded(deletePerson))
        set.post("/api/accounts/{id}/suspend", guarded(suspendPerson))
        set.post("/api/accounts/{id}/restore", guarded(restorePerson))
        set.put("/api/accounts/{id}/password", guarded(setPassword))
        Self.describeOrganisations(&set)
        Self.describePeople(&set)
        return set
    }

    private static func number(_ request: APIRequest) throws(Problem) -> Int64 {
        let number = try request.number()
        return number
    }

    // MARK: - Organisations

    private struct Name: RequestDocument {
        static let members: Set<String> = ["name"]
        var name: String
    }

    private struct Reason: RequestDocument {
        static let members: Set<String> = ["reason"]
        var reason: String
    }

    @Sendable private func listOrganisations(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(OrganisationListing.Sort.self, filters: ["status", "text"])
        var listing = OrganisationListing(limit: query.limit)
        (listing.status, listing.text) = (try query.choice("status"), query.filters["text"])
        let found = try await people.organisations(
            try query.applied(to: listing),
            for: PeopleActor(caller, remote: request.remote)
        )
        return try request.answer("organisations", found, query) { OrganisationDocument($0) }
    }

    @Sendable private func addOrganisation(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let made = try await people.addOrganisation(
            named: try await request.decode(Name.self).name,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(
            OrganisationDocument(made),
            status: 201,
            headers: ["Location": "/api/organisations/\(made.id)"]
        )
    }

    @Sendable private func showOrganisation(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let id = OrganisationID(try Self.number(request))
        return try .json(
            OrganisationDocument(try await people.organisation(id, for: PeopleActor(caller, remote: request.remote)))
        )
    }

    @Sendable private func renameOrganisation(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let record = try await people.rename(
            OrganisationID(try Self.number(request)),
            to: try await request.decode(Name.self).name,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(OrganisationDocument(record))
    }

    @Sendable private func suspendOrganisation(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let record = try await people.suspend(
            OrganisationID(try Self.number(request)),
            reason: try await request.decode(Reason.self).reason,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(OrganisationDocument(record))
    }

    @Sendable private func restoreOrganisation(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let record = try await people.suspend(
            OrganisationID(try Self.number(request)),
            reason: nil,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(OrganisationDocument(record))
    }

    // MARK: - Accounts

    private struct Change: RequestDocument {
        static let members: Set<String> = ["display_name", "role", "language", "time_zone"]
        var displayName: String?
        var role: String?
        var profile: ProfileText

        private enum CodingKeys: String, CodingKey {
            case role
            case displayName = "display_name"
        }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: CodingKeys.self)
            displayName = try members.decodeIfPresent(String.self, forKey: .displayName)
            role = try members.decodeIfPresent(String.self, forKey: .role)
            profile = try ProfileText(from: decoder)
        }
    }

    @Sendable private func listPeople(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(AccountListing.Sort.self, filters: ["role", "status", "domain", "text"])
        var listing = PeopleListing(organisation: OrganisationID(try Self.number(request)), limit: query.limit)
        (listing.role, listing.status) = (try query.choice("role"), try query.choice("status"))
        (listing.domain, listing.text) = (query.name("domain"), query.filters["text"])
        let found = try await people.people(
            try query.applied(to: listing),
            for: PeopleActor(caller, remote: request.remote)
        )
        return try request.answer("accounts", found, query) { PersonDocument($0) }
    }

    @Sendable private func showPerson(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let id = AccountID(try Self.number(request))
        return try .json(
            PersonDocument(try await people.person(id, for: PeopleActor(caller, remote: request.remote)))
        )
    }

    @Sendable private func changePerson(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Change.self)
        var role: Role?
        if let word = given.role {
            guard let known = Role(rawValue: word) else {
                throw Problem.invalid("role", "Roles are \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
            }
            role = known
        }
        let person = try await people.change(
            AccountID(try Self.number(request)),
            displayName: given.displayName,
            role: role,
            profile: given.profile,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(PersonDocument(person))
    }

    @Sendable private func suspendPerson(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let person = try await people.suspend(
            AccountID(try Self.number(request)),
            reason: try await request.decode(Reason.self).reason,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(PersonDocument(person))
    }

    @Sendable private func restorePerson(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let person = try await people.restore(
            AccountID(try Self.number(request)),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(PersonDocument(person))
    }

    @Sendable private func deletePerson(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let person = try await people.delete(
            AccountID(try Self.number(request)),
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(PersonDocument(person))
    }

    private struct NewPassword: RequestDocument {
        static let members: Set<String> = ["new_password"]
        var newPassword: String

        private enum CodingKeys: String, CodingKey {
            case newPassword = "new_password"
        }
    }

    @Sendable private func setPassword(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let password = try await request.decode(NewPassword.self).newPassword
        let actor = PeopleActor(caller, remote: request.remote)
        let account = try await people.account(toReset: AccountID(try Self.number(request)), by: actor)
        do {
            try await accounts.setPassword(
                account.primaryAddress,
                password: password,
                actor: actor.name,
                remote: request.remote,
                now: clock.now()
            )
        } catch .passwordRefused(let why) {
            throw Problem.invalid("new_password", why)
        }
        return .noContent
    }
}
