package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// `/api/organisations/{id}/sign-in-policy`: what an organisation asks of its people's passwords, and whether of a second factor.
///
/// Invariants: managers of the organisation only; a policy is never weaker than the platform's settings.
package struct SignInPolicyRoutes: Sendable {
    static let path = "/api/organisations/{id}/sign-in-policy"

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
        set.get(Self.path, guarded(show))
        set.patch(Self.path, guarded(change))
        Self.describe(&set)
        return set
    }

    private struct Document: Encodable {
        struct InForce: Encodable {
            var minimumLength: Int
            var history: Int
            var breachedList: Bool
        }
        /// 0 before the first change.
        var version: Int64
        var changedAt: String?
        /// Left out: the platform's.
        var minimumLength: Int?
        var history: Int?
        var breachedList: Bool
        var secondFactor: String
        /// With the platform's settings.
        var inForce: InForce

        init(_ record: SignInPolicyRecord, _ platform: PasswordRules) {
            let rules = platform.under(record.policy)
            version = record.version
            changedAt = record.changedAt.map { RFC3339.text($0) }
            minimumLength = record.policy.minimumLength
            history = record.policy.history
            breachedList = record.policy.asksBreachedList
            secondFactor = (record.policy.needsSecondFactor ? Demand.required : .optional).rawValue
            inForce = InForce(
                minimumLength: rules.minimumLength,
                history: rules.history,
                breachedList: rules.asksBreachedList
            )
        }
    }

    private enum Demand: String, CaseIterable { case optional, required }

    private struct Change: RequestDocument {
        static let members: Set<String> = ["minimum_length", "history", "breached_list", "second_factor"]
        var change = SignInPolicyChange()
        var secondFactor: String?

        private enum CodingKeys: String, CodingKey {
            case history
            case minimumLength = "minimum_length"
            case breachedList = "breached_list"
            case secondFactor = "second_factor"
        }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: CodingKeys.self)
            change.minimumLength = try Self.number(members, .minimumLength)
            change.history = try Self.number(members, .history)
            change.asksBreachedList = try members.decodeIfPresent(Bool.self, forKey: .breachedList)
            secondFactor = try members.decodeIfPresent(String.self, forKey: .secondFactor)
        }

        /// Null is the platform's, what is left out stays.
        private static func number(
            _ members: KeyedDecodingContainer<CodingKeys>,
            _ key: CodingKeys
        ) throws -> SignInPolicyChange.Number {
            guard members.contains(key) else { return .stays }
            return try members.decodeIfPresent(Int.self, forKey: key).map { .at($0) } ?? .platform
        }
    }

    private static func organisation(_ request: APIRequest) throws(Problem) -> OrganisationID {
        OrganisationID(try request.number())
    }

    private func answer(_ record: SignInPolicyRecord) throws -> APIResponse {
        try .json(Document(record, accounts.platformRules)).tagged(version: record.version)
    }

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = PeopleActor(caller, remote: request.remote)
        return try answer(try await people.signInPolicy(of: try Self.organisation(request), for: actor))
    }

    @Sendable private func change(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Change.self)
        var change = given.change
        if let word = given.secondFactor {
            guard let demand = Demand(rawValue: word) else {
                throw Problem.invalid("second_factor", "It is optional or required.")
            }
            change.needsSecondFactor = demand == .required
        }
        do {
            return try answer(
                try await people.changeSignInPolicy(
                    of: try Self.organisation(request),
                    change,
                    beyond: accounts.platformRules,
                    replacing: try request.expectedVersion(),
                    by: PeopleActor(caller, remote: request.remote),
                    now: clock.now()
                )
            )
        } catch AccountError.store(.alreadyExists) {
            throw Problem(.preconditionFailed, detail: "Another version is in force by now.")
        }
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        let role = "The caller's role does not allow it"
        let foreign = "There is none that the caller may see"
        let document = Schema.document(
            "SignInPolicy",
            [
                "version": .integer, "changed_at": .optional(.time), "minimum_length": .optional(.integer),
                "history": .optional(.integer), "breached_list": .truth, "second_factor": .text,
                "in_force": .object(["minimum_length": .integer, "history": .integer, "breached_list": .truth]),
            ]
        )
        set.describe(
            "GET",
            path,
            RouteDescription(
                "What an organisation asks of its people's signing in (its managers); in_force adds the platform's settings",
                answers: [200: "The policy", 403: role, 404: foreign],
                schemas: [200: document]
            )
        )
        set.describe(
            "PATCH",
            path,
            RouteDescription(
                "Change the policy; null for a number is the platform's. If-Match names the version that is changed",
                body: Change.members,
                answers: [
                    200: "The policy in force", 403: role, 404: foreign, 412: "Another version is in force",
                    422: "It is weaker than the platform's settings, or beyond what is taken",
                ],
                types: [
                    "minimum_length": .optional(.integer), "history": .optional(.integer), "breached_list": .truth,
                    "second_factor": .choice(Demand.allCases.map(\.rawValue)),
                ],
                schemas: [200: document]
            )
        )
    }
}
