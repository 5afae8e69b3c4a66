import Accounts
import Domains
import HTTPKit
import MailModel
import MailPorts

/// Steps in the life of a domain.
///
/// Proof, deletion and restoring are for those who manage the organisation; suspending is for the platform's administrators, so
/// that nobody ends what they imposed.
extension DomainRoutes {
    func addLifeRoutes(_ set: inout RouteSet, _ guarded: BearerGuard<Account>) {
        set.post("/api/domains/{name}/verify", guarded { try await self.verify($0, $1) })
        set.post("/api/domains/{name}/challenge", guarded { try await self.renewChallenge($0, $1) })
        set.post("/api/domains/{name}/suspend", guarded { try await self.suspend($0, $1) })
        set.post("/api/domains/{name}/resume", guarded { try await self.resume($0, $1) })
        set.post("/api/domains/{name}/restore", guarded { try await self.restore($0, $1) })
        set.delete("/api/domains/{name}", guarded { try await self.delete($0, $1) })
    }

    func actor(_ request: APIRequest, _ caller: Account) -> DomainLife.Actor {
        DomainLife.Actor(caller.primaryAddress.canonical, remote: request.remote)
    }

    /// The caller's own domain or claim; a platform administrator may name another organisation in the query.
    ///
    /// - Parameter any: as `DomainGate` has them; a claim is not for members.
    func entry(
        _ request: APIRequest,
        _ caller: Account,
        _ any: DomainPermissions
    ) async throws -> DomainEntry {
        if caller.role == .member { return .hosted(try await gate.domain(request, caller, any)) }
        let rule = AccessRule(caller: caller)
        let name = EmailAddress.lowercased(request.parameter("name"))
        guard EmailAddress.isDomain(name.utf8) else { throw Problem.notFound("There is no such domain.") }
        let asked = try request.organisation()
        let organisation = rule.visibleOrganisation ?? asked
        if let hosted = try await directory.domain(named: name),
            organisation == nil || hosted.organisation == organisation
        {
            return .hosted(try rule.require(hosted))
        }
        return .claimed(try await life.claim(on: name, organisation: organisation))
    }

    private func verify(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        switch try await entry(request, caller, .manage) {
        case .hosted(let domain):
            guard domain.status == .active else { throw Problem(409, detail: "The domain is \(domain.status.word).") }
            return try .json(DomainDocument(domain))
        case .claimed(let claim):
            let domain = try await life.verify(claim, actor: actor(request, caller), now: clock.now())
            return try .json(DomainDocument(domain, records: try await domains.records(of: domain.name)))
        }
    }

    private func renewChallenge(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        guard case .claimed(let claim) = try await entry(request, caller, []) else {
            throw Problem(409, detail: "The domain waits for no proof.")
        }
        let renewed = try await life.renew(claim, actor: actor(request, caller), now: clock.now())
        return try .json(DomainDocument(.claimed(renewed), life))
    }

    private struct Suspension: RequestDocument {
        static let members: Set<String> = ["reason"]
        /// Octets of a reason.
        static let longestReason = 500
        var reason: String
    }

    private func suspend(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let wanted = try await request.decode(Suspension.self)
        guard (1...Suspension.longestReason).contains(wanted.reason.utf8.count),
            !wanted.reason.utf8.contains(where: { $0 < 32 || $0 == 127 })
        else {
            throw Problem.invalid("reason", "1 to \(Suspension.longestReason) octets, without control characters.")
        }
        return try await take(.suspend(reason: wanted.reason), request, caller)
    }

    private func resume(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await take(.resume, request, caller)
    }

    private func take(_ step: DomainStep, _ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        guard caller.role == .platformAdmin else { throw Problem.forbidden() }
        let domain = try await gate.domain(request, caller, [])
        let changed = try await life.take(step, on: domain.name, actor: actor(request, caller), now: clock.now())
        return try .json(DomainDocument(changed))
    }

    private func restore(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await gate.domain(request, caller, [])
        let changed = try await life.take(.restore, on: domain.name, actor: actor(request, caller), now: clock.now())
        return try .json(DomainDocument(changed))
    }

    private func delete(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let actor = actor(request, caller)
        switch try await entry(request, caller, []) {
        case .claimed(let claim):
            try await life.withdraw(claim, actor: actor, now: clock.now())
            return .noContent
        case .hosted(let domain):
            // Who signs in by the domain could not restore it.
            guard caller.primaryAddress.domain != domain.name else {
                throw Problem(409, detail: "Your own account is in this domain.")
            }
            return try .json(DomainDocument(try await life.delete(domain.name, actor: actor, now: clock.now())))
        }
    }
}

extension APIRequest {
    /// `organisation_id` of the query; nil when it is not given.
    func organisation() throws(Problem) -> OrganisationID? {
        guard let text = query("organisation_id") else { return nil }
        guard let number = Int64(text), number > 0 else {
            throw Problem(400, detail: "The query's organisation_id takes a number.")
        }
        return OrganisationID(number)
    }
}
