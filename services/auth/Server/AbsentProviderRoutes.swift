import HTTPKit
import OpenIDProvider

/// What the provider's addresses answer where the platform is no OpenID provider: why there is nothing.
enum AbsentProviderRoutes {
    private static let reads = [
        ProviderDocument.authorization, ProviderDocument.devicePage, ProviderDocument.userInformation,
        OpenIDContext.returnPath, "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
        "/api/oauth/clients", "/api/users/me/applications",
    ]
    private static let writes = [
        ProviderDocument.authorization, ProviderDocument.devicePage, ProviderDocument.userInformation,
        ProviderDocument.token, ProviderDocument.revocation, ProviderDocument.introspection,
        ProviderDocument.deviceAuthorization, ProviderDocument.registration, "/api/oauth/clients",
    ]

    static func routes() -> RouteSet {
        var set = RouteSet()
        for path in reads {
            set.get(path) { _ in throw absent }
            OpenIDDescriptions.describe(absent: "GET", path, in: &set)
        }
        for path in writes {
            set.post(path) { _ in throw absent }
            OpenIDDescriptions.describe(absent: "POST", path, in: &set)
        }
        return set
    }

    private static var absent: Problem {
        .notFound("This platform is no OpenID provider as long as its setting OONRUMAIL_OIDC_ISSUER is not set.")
    }
}
