package import Accounts
package import HTTPKit
import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// Feature flags: set by the platform's operators, read by everybody for themselves.
package struct FlagRoutes: Sendable {
    let flags: FeatureFlags
    private let auth: AuthRoutes

    package init(flags: FeatureFlags, auth: AuthRoutes) {
        self.flags = flags
        self.auth = auth
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let signedIn = BearerGuard.tokens(auth.tokens, auth.clock)
        set.get("/api/flags", signedIn(list))
        set.put("/api/flags/{name}", signedIn(put))
        set.delete("/api/flags/{name}", signedIn(clear))
        set.get("/api/users/me/flags", whileActing: true, signedIn(own))
        Self.describe(&set)
        return set
    }

    private static func describe(_ set: inout RouteSet) {
        let rule = Schema.document(
            "FlagRule",
            [
                "organisation_id": .optional(.integer), "percentage": .integer, "by": .text, "changed_at": .time,
                "changed_by": .text,
            ]
        )
        let flag = Schema.document(
            "Flag",
            ["name": .text, "description": .text, "default": .truth, "rules": .list(rule)]
        )
        set.describe(
            "GET",
            "/api/flags",
            RouteDescription(
                "Every feature flag with its rules",
                query: ["limit", "after", "sort", "text", "organisation_id"],
                answers: [200: "A page", 403: "The caller is no operator of the platform"],
                types: ["sort": .sort("name")],
                schemas: [200: .page("flags", of: flag)]
            )
        )
        set.describe(
            "PUT",
            "/api/flags/{name}",
            RouteDescription(
                "Turn a feature on for a part of everybody's or of an organisation's accounts",
                body: ["percentage", "by", "organisation_id"],
                answers: [204: "In force everywhere within seconds", 404: "No such flag or organisation"],
                types: [
                    "percentage": .boundedInteger(0...100), "by": .choice(FlagUnit.allCases.map(\.rawValue)),
                ],
                required: ["percentage"]
            )
        )
        set.describe(
            "DELETE",
            "/api/flags/{name}",
            RouteDescription(
                "End a rule: that for everybody, or an organisation's",
                query: ["organisation_id"],
                answers: [204: "It is gone", 404: "There is none"]
            )
        )
        set.describe(
            "GET",
            "/api/users/me/flags",
            RouteDescription(
                "Which features are on for oneself",
                answers: [200: "By name"],
                schemas: [200: .object(["flags": .map(.truth)])]
            )
        )
    }

    // MARK: - Routes

    private struct Rule: Encodable {
        var organisationID: Int64?
        var percentage: Int
        var by: String
        var changedAt: String
        var changedBy: String

        init(_ rule: FlagRule) {
            organisationID = rule.organisation?.rawValue
            percentage = rule.percentage
            by = rule.unit.rawValue
            changedAt = RFC3339.text(rule.changedAt)
            changedBy = rule.changedBy
        }
    }

    private struct Flag: Encodable {
        var name: String
        var description: String
        var `default`: Bool
        var rules: [Rule]
    }

    private struct Flags: Encodable {
        var flags: [Flag]
        var next: String?
    }

    private func requireOperator(_ caller: Account) throws(Problem) {
        guard caller.role == .platformAdmin else { throw .forbidden() }
    }

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try requireOperator(caller)
        let query = try request.list(sorts: ["name"], filters: ["text", "organisation_id"])
        let organisation = try query.number("organisation_id")
        let rules = try await flags.store.flagRules()
        let known = FeatureFlag.allCases.map { flag in
            Flag(
                name: flag.rawValue,
                description: flag.meaning,
                default: flag.standard,
                rules: rules.filter { $0.flag == flag.rawValue }.map { Rule($0) }
            )
        }
        .filter { flag in
            query.finds(in: flag.name, flag.description)
                && (organisation == nil || flag.rules.contains { $0.organisationID == organisation })
        }
        let page = try query.page(of: known, keys: ["name": { $0.name }], id: { $0.name })
        return request.linked(try .json(Flags(flags: page.items, next: page.next)), next: page.next)
    }

    private struct Setting: RequestDocument {
        static let members: Set<String> = ["percentage", "by", "organisation_id"]
        var percentage: Int
        var by: String?
        var organisationID: Int64?

        private enum CodingKeys: String, CodingKey {
            case percentage, by
            case organisationID = "organisation_id"
        }
    }

    private func flagName(_ request: APIRequest) throws(Problem) -> String {
        guard let flag = FeatureFlag(rawValue: request.parameter("name")) else { throw .notFound() }
        return flag.rawValue
    }

    @Sendable private func put(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try requireOperator(caller)
        let given = try await request.decode(Setting.self)
        let name = try flagName(request)
        guard let unit = FlagUnit(rawValue: given.by ?? FlagUnit.account.rawValue) else {
            throw Problem.invalid("by", "A flag goes by account or by organisation.")
        }
        guard given.organisationID ?? 1 > 0 else { throw Problem.notFound() }
        try await FeatureFlags.set(
            name,
            percentage: given.percentage,
            unit: unit,
            of: given.organisationID.map { OrganisationID($0) },
            in: flags.store,
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: auth.clock.now()
        )
        return .noContent
    }

    @Sendable private func clear(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try requireOperator(caller)
        let name = try flagName(request)
        let organisation = try request.query("organisation_id", default: 0, in: 0...Int.max)
        try await FeatureFlags.clear(
            name,
            of: organisation == 0 ? nil : OrganisationID(Int64(organisation)),
            in: flags.store,
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: auth.clock.now()
        )
        return .noContent
    }

    private struct Own: Encodable {
        var flags: [String: Bool]
    }

    @Sendable private func own(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let states = await flags.states(for: caller)
        let named = Dictionary(uniqueKeysWithValues: states.map { ($0.flag.rawValue, $0.isOn) })
        return try .json(Own(flags: named))
    }
}
