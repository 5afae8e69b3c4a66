import Accounts
import Domains
import HTTPKit
import MailModel
import MailPorts
import SenderAuth
import Telemetry

/// Signing keys of a domain; no answer holds a private one.
extension DomainRoutes {
    func addKeyRoutes(_ set: inout RouteSet, _ guarded: BearerGuard<Account>) {
        set.get("/api/domains/{name}/dkim", guarded { try await self.listKeys($0, $1) })
        set.post("/api/domains/{name}/dkim", guarded { try await self.rotateKeys($0, $1) })
        set.post("/api/domains/{name}/dkim/import", guarded { try await self.importKey($0, $1) })
        set.post("/api/domains/{name}/dkim/delegate", guarded { try await self.delegateKeys($0, $1) })
        set.get("/api/domains/dkim-zone", guarded { try await self.delegatedZone($0, $1) })
        set.post("/api/domains/{name}/dkim/{selector}/activate", guarded { try await self.activateKey($0, $1) })
        set.post("/api/domains/{name}/dkim/{selector}/retire", guarded { try await self.retireKey($0, $1) })
    }

    private struct KeyDocument: Encodable {
        var selector: String
        var algorithm: String
        /// `published`: waits to be seen in DNS; `signing`; `retired`.
        var state: String
        var createdAt: String
        /// When a retired key is removed; its record stays published until then.
        var removedAt: String?
        /// The TXT record.
        var recordName: String
        var recordText: String

        init(_ key: DKIMKey) {
            selector = key.selector
            algorithm = key.algorithm.rawValue
            state = key.state.rawValue
            createdAt = RFC3339.text(key.createdAt)
            removedAt = key.removeAt.map { RFC3339.text($0) }
            recordName = "\(key.selector)._domainkey.\(key.domain)"
            recordText = DKIMRecord(key).text
        }
    }

    private struct KeyList: Encodable {
        var keys: [KeyDocument]
        var next: String?
    }

    private func keys(_ domain: HostedDomain, status: Int = 200) async throws -> APIResponse {
        let keys = try await life.keys(of: domain.name)
        return try .json(KeyList(keys: keys.map { KeyDocument($0) }), status: status)
    }

    private func listKeys(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, .manage)
        let query = try request.list(sorts: ["created_at", "selector"], filters: ["state", "algorithm"])
        let state: DKIMKey.State? = try query.choice("state")
        let algorithm: DKIMKey.Algorithm? = try query.choice("algorithm")
        let known = try await life.keys(of: domain.name).filter {
            (state == nil || $0.state == state) && (algorithm == nil || $0.algorithm == algorithm)
        }.map { KeyDocument($0) }
        let page = try query.page(
            of: known,
            keys: ["created_at": { $0.createdAt }, "selector": { $0.selector }],
            id: { $0.selector }
        )
        return request.linked(try .json(KeyList(keys: page.items, next: page.next)), next: page.next)
    }

    private struct Rotation: RequestDocument {
        static let members: Set<String> = ["algorithm"]
        /// Absent: a key of each.
        var algorithm: String?
    }

    private func rotateKeys(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, .manage)
        let wanted = try await request.decode(Rotation.self).algorithm
        let algorithm = try wanted.map { name throws(Problem) in
            guard let known = DKIMKey.Algorithm(rawValue: name) else {
                let all = DKIMKey.Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem.invalid("algorithm", "Algorithms are \(all).")
            }
            return known
        }
        _ = try await life.rotate(domain.name, algorithm: algorithm, actor: actor(request, caller), now: clock.now())
        return try await keys(domain, status: 201)
    }

    private struct ImportedKey: RequestDocument {
        static let members: Set<String> = ["selector", "private_key"]
        var selector: String
        /// PEM; in no answer and no log.
        var privateKey: String

        private enum CodingKeys: String, CodingKey {
            case selector
            case privateKey = "private_key"
        }
    }

    private func importKey(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, .manage)
        let wanted = try await request.decode(ImportedKey.self)
        _ = try await life.importKey(
            Array(wanted.privateKey.utf8),
            selector: wanted.selector,
            of: domain.name,
            actor: actor(request, caller),
            now: clock.now()
        )
        return try await keys(domain, status: 201)
    }

    private func delegateKeys(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, .manage)
        _ = try await life.delegate(domain.name, actor: actor(request, caller), now: clock.now())
        return try await keys(domain, status: 201)
    }

    /// For the operator's name server.
    private func delegatedZone(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        guard caller.role == .platformAdmin else { throw Problem.forbidden() }
        guard life.keyZone != nil else { throw Problem.notFound("The platform has no zone for signing keys.") }
        return APIResponse.text(try await life.delegatedZone(), contentType: "text/dns; charset=us-ascii")
    }

    private func activateKey(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, .manage)
        _ = try await life.activate(
            domain.name,
            selector: request.parameter("selector"),
            actor: actor(request, caller),
            now: clock.now()
        )
        return try await keys(domain)
    }

    private func retireKey(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, .manage)
        let selector = request.parameter("selector")
        try await life.retire(domain.name, selector: selector, actor: actor(request, caller), now: clock.now())
        return try await keys(domain)
    }
}
