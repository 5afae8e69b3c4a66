import HTTPKit
import OpenIDProvider

/// What the provider's addresses answer where the platform is no OpenID provider: why there is nothing.
enum AbsentProviderRoutes {
    private static let client = "/api/oauth/clients"
    private static let application = "/api/users/me/applications"

    static func routes() -> RouteSet {
        var set = RouteSet()
        let reads = [
            ProviderDocument.authorization, ProviderDocument.devicePage, ProviderDocument.userInformation,
            OpenIDContext.returnPath, "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
            client, "\(client)/{id}", application,
        ]
        let writes = [
            ProviderDocument.authorization, ProviderDocument.devicePage, ProviderDocument.userInformation,
            ProviderDocument.token, ProviderDocument.revocation, ProviderDocument.introspection,
            ProviderDocument.deviceAuthorization, ProviderDocument.registration, client, "\(client)/{id}/secret",
        ]
        for path in reads {
            set.get(path, answer)
            OpenIDDescriptions.describe(absent: "GET", path, in: &set)
        }
        for path in writes {
            set.post(path, answer)
            OpenIDDescriptions.describe(absent: "POST", path, in: &set)
        }
        set.put("\(client)/{id}", answer)
        OpenIDDescriptions.describe(absent: "PUT", "\(client)/{id}", in: &set)
        for path in ["\(client)/{id}", "\(application)/{id}"] {
            set.delete(path, answer)
            OpenIDDescriptions.describe(absent: "DELETE", path, in: &set)
        }
        return set
    }

    @Sendable private static func answer(_ request: APIRequest) throws(Problem) -> APIResponse {
        throw .notFound("This platform is no OpenID provider as long as its setting OONRUMAIL_OIDC_ISSUER is not set.")
    }
}
