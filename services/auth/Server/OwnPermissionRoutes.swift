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

    @Sendable private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let query = try request.list(sorts: ["domain", "granted_at"], filters: ["permission"])
        let wanted = try query.choice("permission", of: DomainPermissions.words.map(\.word))
            .flatMap { DomainPermissions(words: [$0]) }
        let held = try await permissions.domainGrants(heldBy: caller.id).filter { grant in
            wanted.map { grant.permissions.contains($0) } ?? true
        }
        let page = try query.page(
            of: held.map { DomainGrantDocument($0) },
            keys: ["domain": { $0.domain }, "granted_at": { $0.grantedAt }],
            id: { $0.domain }
        )
        return request.linked(try .json(ListPage("permissions", page.items, next: page.next)), next: page.next)
    }
}
