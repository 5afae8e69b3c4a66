import HTTPKit
import OpenIDProvider

/// What `/openapi.json` says of the provider's routes.
enum OpenIDDescriptions {
    /// RFC 6749 §5.2.
    private static let fault = Schema.document("OAuthError", ["error": .text, "error_description": .text])

    private static func endpoint(_ summary: String, _ answer: String, _ schema: Schema?) -> RouteDescription {
        var schemas: [Int: Schema] = [400: fault, 401: fault]
        schemas[200] = schema
        return RouteDescription(
            summary,
            isOpen: true,
            answers: [200: answer, 400: "What is wrong", 401: "The client is not known"],
            schemas: schemas
        )
    }

    static func describe(tokens set: inout RouteSet) {
        let tokens = Schema.document(
            "OAuthTokens",
            [
                "access_token": .text, "token_type": .text, "expires_in": .integer, "scope": .text,
                "refresh_token": .optional(.text), "id_token": .optional(.text),
            ]
        )
        set.describe(
            "POST",
            ProviderDocument.token,
            endpoint("Tokens for a code, a refresh token or a device (a form)", "The tokens", tokens)
        )
        set.describe(
            "POST",
            ProviderDocument.revocation,
            endpoint("End the session of a token (a form)", "It is over", nil)
        )
        set.describe(
            "POST",
            ProviderDocument.introspection,
            endpoint("What an access token is worth (a form)", "Its claims when it is active", .anything)
        )
        let device = Schema.document(
            "DeviceAuthorization",
            [
                "device_code": .text, "user_code": .text, "verification_uri": .text, "verification_uri_complete": .text,
                "expires_in": .integer, "interval": .integer,
            ]
        )
        set.describe(
            "POST",
            ProviderDocument.deviceAuthorization,
            endpoint("Codes for a device (a form)", "The codes", device)
        )
        let person = Schema.document(
            "UserInformation",
            ["sub": .text, "email": .optional(.text), "email_verified": .optional(.truth), "name": .optional(.text)]
        )
        for method in ["GET", "POST"] {
            set.describe(
                method,
                ProviderDocument.userInformation,
                RouteDescription(
                    "Whom a client's access token speaks for",
                    answers: [200: "The person", 403: "The token is not for this"],
                    schemas: [200: person]
                )
            )
        }
        for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
            set.describe(
                "GET",
                path,
                RouteDescription(
                    "What the provider says of itself",
                    isOpen: true,
                    answers: [200: "Addresses and abilities"],
                    schemas: [200: .anything]
                )
            )
        }
    }

    static func describe(registration set: inout RouteSet) {
        let fault = Schema.document("ClientRegistrationError", ["error": .text, "error_description": .text])
        let client = Schema.document(
            "RegisteredClient",
            [
                "client_id": .text, "client_id_issued_at": .integer, "client_name": .text,
                "redirect_uris": .list(.text),
                "token_endpoint_auth_method": .text, "grant_types": .list(.text), "response_types": .list(.text),
                "scope": .text, "application_type": .text, "id_token_signed_response_alg": .text,
            ]
        )
        set.describe(
            "POST",
            ProviderDocument.registration,
            RouteDescription(
                "Register a mail program (RFC 7591)",
                isOpen: true,
                answers: [201: "The program as it is registered", 400: "What is wrong", 429: "Too many registrations"],
                schemas: [201: client, 400: fault]
            )
        )
    }

    static func describe(pages set: inout RouteSet) {
        for (path, summary) in [
            (ProviderDocument.authorization, "Let a program in (a page)"),
            (ProviderDocument.devicePage, "Let a device in by its code (a page)"),
        ] {
            for method in ["GET", "POST"] {
                var description = RouteDescription(
                    summary,
                    isOpen: true,
                    answers: [
                        200: "The next step", 303: "Back to the program", 400: "The request cannot be",
                        401: "Not the right password, code or passkey",
                        403: "The page is too old, or the person was not let in",
                        404: "The address has no provider", 429: "Too many attempts", 503: "It cannot be checked now",
                    ]
                )
                for status in [200, 400, 401, 403, 404, 429, 503] {
                    description.media[status] = "text/html; charset=utf-8"
                }
                set.describe(method, path, description)
            }
        }
        var back = RouteDescription(
            "Where browsers come back to the pages from the identity provider of a domain",
            isOpen: true,
            query: ["code", "error"],
            answers: [303: "The page that it began at", 400: "It did not begin in this browser"],
            types: ["code": .text, "error": .text]
        )
        back.media[400] = "text/html; charset=utf-8"
        set.describe("GET", OpenIDContext.returnPath, back)
    }

    /// Where the platform is no OpenID provider.
    static func describe(absent method: String, _ path: String, in set: inout RouteSet) {
        set.describe(
            method,
            path,
            RouteDescription("Not here: the platform is no OpenID provider", isOpen: true, answers: [404: "It is none"])
        )
    }
}
