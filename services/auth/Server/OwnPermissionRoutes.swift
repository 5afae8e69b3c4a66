package import Accounts
package import HTTPKit
package import MailModel
package import MailPorts
import ServiceHost

/// `/api/users/me/domain-permissions`: what one may do with domains beyond one's role.
package struct OwnPermissionRoutes: Sendable {
    private static let path = "/api/users/me/domain-permissions"

    private let permissions: any DomainPermissionStore
    private let tokens: TokenService
    private let clock: any WallClock

    package init(permissions: any DomainPermissionStore, tokens: TokenService, clock: any WallClock) {
        self.permissions = permissions
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        set.get(Self.path, whileActing: true, BearerGuard.tokens(tokens, clock)(list))
        set.describe(
            "GET",
            Self.path,
            RouteDescription(
                "What one may do with domains beyond one's role, as it holds now",
                query: ["limit", "after", "sort", "permission"],
                answers: [200: "A page"],
                types: [
                    "sort": .sort("domain", "granted_at"),
                    "permission": .choice(DomainPermissions.words.map(\.word)),
                ],
                schemas: [200: .page("permissions", of: DomainGrantDocument.schema)]
            )
        )
        return set
    }

    private struct Documents: Encodable {
        var permissions: [DomainGrantDocument]
        var next: String?
    }

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["domain", "granted_at"], filters: ["permission"])
        var held = try await permissions.domainGrants(heldBy: caller.id)
        if let word = query.filters["permission"] {
            guard let wanted = DomainPermissions(words: [word]) else {
                let words = DomainPermissions.words.map(\.word).joined(separator: ", ")
                throw Problem(.badRequest, detail: "The query's permission takes \(words).")
            }
            held.removeAll { !$0.permissions.contains(wanted) }
        }
        let page = try query.page(
            of: held.map { DomainGrantDocument($0) },
            keys: ["domain": { $0.domain }, "granted_at": { $0.grantedAt }],
            id: { $0.domain }
        )
        return request.linked(try .json(Documents(permissions: page.items, next: page.next)), next: page.next)
    }
}
