package import Accounts
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// `/api/users/me/vacation` and `/api/accounts/{id}/vacation`: what is answered to people who write to somebody who is away.
package struct VacationRoutes: Sendable {
    private static let own = "/api/users/me/vacation"
    private static let managed = "/api/accounts/{id}/vacation"

    private let vacations: VacationService
    private let tokens: TokenService
    private let clock: any WallClock

    package init(vacations: VacationService, tokens: TokenService, clock: any WallClock) {
        self.vacations = vacations
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.own, whileActing: true, guarded(showOwn))
        set.put(Self.own, whileActing: true, guarded(replaceOwn))
        set.delete(Self.own, whileActing: true, guarded(removeOwn))
        set.get(Self.managed, guarded(show))
        set.put(Self.managed, guarded(replace))
        set.delete(Self.managed, guarded(remove))
        Self.describe(&set)
        return set
    }

    private struct Given: RequestDocument {
        static let members: Set<String> = [
            "is_enabled", "starts_at", "ends_at", "subject", "text", "interval_days", "audience",
        ]
        var isEnabled: Bool
        var startsAt: String?
        var endsAt: String?
        var subject: String?
        var text: String?
        var intervalDays: Int?
        var audience: String?

        private enum CodingKeys: String, CodingKey {
            case subject, text, audience
            case isEnabled = "is_enabled"
            case startsAt = "starts_at"
            case endsAt = "ends_at"
            case intervalDays = "interval_days"
        }

        /// What is not given is as in one that was never set.
        func vacation() throws(Problem) -> Vacation {
            var vacation = Vacation(isEnabled: isEnabled, subject: subject)
            vacation.startsAt = try Self.moment(startsAt, "starts_at")
            vacation.endsAt = try Self.moment(endsAt, "ends_at")
            vacation.text = text ?? vacation.text
            vacation.intervalDays = intervalDays ?? vacation.intervalDays
            if let audience {
                guard let known = Vacation.Audience(rawValue: audience) else {
                    let words = Vacation.Audience.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Problem.invalid("audience", "Audiences are \(words).")
                }
                vacation.audience = known
            }
            return vacation
        }

        private static func moment(_ text: String?, _ name: String) throws(Problem) -> Timestamp? {
            guard let text else { return nil }
            guard let moment = RFC3339.read(text) else {
                throw Problem.invalid(name, "A time is written as 2026-11-25T00:00:00Z.")
            }
            return moment
        }
    }

    // MARK: - One's own

    @Sendable private func showOwn(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try .json(VacationDocument(try await vacations.vacation(of: caller)))
    }

    @Sendable private func replaceOwn(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let vacation = try await request.decode(Given.self).vacation()
        try await vacations.setOwn(vacation, of: caller, remote: request.remote, now: clock.now())
        return try .json(VacationDocument(vacation))
    }

    @Sendable private func removeOwn(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await vacations.setOwn(nil, of: caller, remote: request.remote, now: clock.now())
        return .noContent
    }

    // MARK: - Others'

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = PeopleActor(caller, remote: request.remote)
        return try .json(
            VacationDocument(try await vacations.vacation(of: AccountID(try request.number()), for: actor))
        )
    }

    @Sendable private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let id = AccountID(try request.number())
        let vacation = try await request.decode(Given.self).vacation()
        try await vacations.set(
            vacation,
            of: id,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(VacationDocument(vacation))
    }

    @Sendable private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let id = AccountID(try request.number())
        try await vacations.set(nil, of: id, by: PeopleActor(caller, remote: request.remote), now: clock.now())
        return .noContent
    }

    // MARK: - Descriptions

    private static func describe(_ set: inout RouteSet) {
        let days = Schema.boundedInteger(Vacation.intervals)
        for (path, whose) in [(own, "oneself"), (managed, "an account")] {
            set.describe(
                "GET",
                path,
                RouteDescription(
                    "What is answered to people who write to \(whose); off where nothing was set",
                    answers: [200: "It", 404: "No such account"],
                    schemas: [200: VacationDocument.schema]
                )
            )
            set.describe(
                "PUT",
                path,
                RouteDescription(
                    "Say what is answered to people who write to \(whose); who had an answer has this one too",
                    body: Given.members,
                    answers: [200: "As it is now", 404: "No such account"],
                    types: [
                        "is_enabled": .truth, "starts_at": .nullable(.time), "ends_at": .nullable(.time),
                        "subject": .nullable(.boundedText(1...PeopleLimits.longestText)), "text": .text,
                        "interval_days": .nullable(days),
                        "audience": .nullable(.choice(Vacation.Audience.allCases.map(\.rawValue))),
                    ],
                    required: ["is_enabled"],
                    schemas: [200: VacationDocument.schema]
                )
            )
            set.describe(
                "DELETE",
                path,
                RouteDescription(
                    "Answer nobody any more, and forget what was said",
                    answers: [204: "Gone", 404: "Nothing was set"]
                )
            )
        }
    }
}
