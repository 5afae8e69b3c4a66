package import Accounts
package import HTTPKit
package import MailDelivery
package import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// `/api/users/me/sieve-scripts`: what one's mail goes through when it comes.
///
/// Invariant: a caller reaches their own only.
package struct ScriptRoutes: Sendable {
    static let path = "/api/users/me/sieve-scripts"
    static let one = path + "/{name}"
    // Beside the scripts, whose names are people's.
    static let checking = "/api/users/me/sieve/check"
    static let deactivating = "/api/users/me/sieve/deactivate"

    private let scripts: ScriptService
    private let pass: ScriptPass
    private let tokens: TokenService
    private let clock: any WallClock

    package init(scripts: ScriptService, pass: ScriptPass, tokens: TokenService, clock: any WallClock) {
        self.scripts = scripts
        self.pass = pass
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, whileActing: true, guarded(list))
        set.post(Self.checking, whileActing: true, guarded(check))
        set.post(Self.deactivating, whileActing: true, guarded(deactivate))
        set.get(Self.one, whileActing: true, guarded(show))
        set.put(Self.one, whileActing: true, guarded(put))
        set.delete(Self.one, whileActing: true, guarded(remove))
        set.post(Self.one + "/activate", whileActing: true, guarded(activate))
        set.post(Self.one + "/run", whileActing: true, guarded(run))
        Self.describe(&set)
        return set
    }

    // MARK: - Scripts

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(ScriptListing.Sort.self, filters: ["is_active", "text"])
        var listing = ScriptListing(account: caller.id, limit: query.limit)
        (listing.isActive, listing.text) = (try query.truth("is_active"), query.filters["text"])
        let found = try await scripts.store.scripts(try query.applied(to: listing))
        return try request.answer("sieve_scripts", found, query) { ScriptDocument($0) }
    }

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try .json(ScriptTextDocument(try await scripts.script(named: request.parameter("name"), of: caller)))
    }

    struct Given: RequestDocument {
        static let members: Set<String> = ["text"]
        var text: String
    }

    @Sendable private func put(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Given.self)
        let (entry, isNew) = try await scripts.put(
            named: request.parameter("name"),
            given.text,
            of: caller,
            by: PeopleActor(caller, remote: request.remote),
            now: clock.now()
        )
        return try .json(
            ScriptTextDocument(StoredScript(entry: entry, text: given.text)),
            status: isNew ? 201 : 200
        )
    }

    @Sendable private func check(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try scripts.check(try await request.decode(Given.self).text)
        return .noContent
    }

    @Sendable private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = PeopleActor(caller, remote: request.remote)
        try await scripts.remove(named: request.parameter("name"), of: caller, by: actor, now: clock.now())
        return .noContent
    }

    @Sendable private func activate(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let name = request.parameter("name")
        let actor = PeopleActor(caller, remote: request.remote)
        try await scripts.activate(named: name, of: caller, by: actor, now: clock.now())
        return try .json(ScriptDocument(try await scripts.script(named: name, of: caller).entry))
    }

    @Sendable private func deactivate(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = PeopleActor(caller, remote: request.remote)
        try await scripts.activate(named: nil, of: caller, by: actor, now: clock.now())
        return .noContent
    }

    // MARK: - Stored mail

    struct Pass: RequestDocument {
        static let members: Set<String> = ["mailbox", "since", "before", "is_unseen", "is_dry_run", "after", "limit"]
        var mailbox: String?
        var since: String?
        var before: String?
        var isUnseen: Bool?
        var isDryRun: Bool
        var after: String?
        var limit: Int?

        private enum CodingKeys: String, CodingKey {
            case mailbox, since, before, after, limit
            case isUnseen = "is_unseen"
            case isDryRun = "is_dry_run"
        }

        func request() throws(Problem) -> ScriptPass.Request {
            var search = FilingSearch(limit: limit ?? ScriptPass.portion)
            guard (1...ScriptPass.portion).contains(search.limit) else {
                throw Problem.invalid("limit", "A portion is 1 to \(ScriptPass.portion) messages.")
            }
            search.since = try Self.moment(since, "since")
            search.before = try Self.moment(before, "before")
            search.isUnseen = isUnseen ?? false
            var place: ScriptPass.Place?
            if let after {
                place = ScriptPass.Place(after)
                guard place != nil else { throw Problem.invalid("after", "It is the next of an answer.") }
            }
            return ScriptPass.Request(mailbox: mailbox ?? "INBOX", search: search, after: place, isDry: isDryRun)
        }

        private static func moment(_ text: String?, _ name: String) throws(Problem) -> Timestamp? {
            guard let text else { return nil }
            guard let moment = RFC3339.read(text) else {
                throw Problem.invalid(name, "A time is written as 2026-11-25T00:00:00Z.")
            }
            return moment
        }
    }

    @Sendable private func run(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let wanted = try await request.decode(Pass.self).request()
        let script = try await scripts.script(named: request.parameter("name"), of: caller)
        let actor = PeopleActor(caller, remote: request.remote)
        let report = try await pass.run(
            script,
            of: caller,
            wanted,
            audit: scripts.event(caller, by: actor, now: clock.now())
        )
        return try .json(ScriptReportDocument(report))
    }
}
